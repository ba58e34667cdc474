// What the tape of headlines looks like: one line an item, two where it is narrow.

import { sheet } from "./make.js";

export const newsLook = sheet(`
.item{display:grid;grid-template-columns:8ch 13ch 4ch minmax(0,1fr) auto;gap:0 10px;align-items:center;
min-height:var(--row);padding:0 10px;border-bottom:1px solid var(--line);content-visibility:auto;contain-intrinsic-height:auto var(--row)}
.item:hover{background:var(--mark)}
.item>*{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.time,.source{color:var(--dim);font-size:12px}
.source{font-weight:500}
.badge{font-size:10px;font-weight:700;letter-spacing:.03em;color:var(--dim)}
.badge[data-kind=NEW]{color:var(--accent)}
.badge[data-kind=UPD]{color:var(--warn)}
.headline{padding:2px 0}
.headline:visited{color:color-mix(in srgb,var(--ink) 72%,var(--bg))}
.item:focus .headline,.item:focus-within .headline{white-space:normal;overflow-wrap:anywhere}
.tickers{display:flex;flex-wrap:wrap;justify-content:flex-end;gap:4px;height:18px}
.chip{font-size:11px;font-weight:600;color:var(--dim);border:1px solid var(--line);border-radius:3px;padding:0 4px;line-height:16px}
.item.new{box-shadow:inset 3px 0 var(--accent)}
.item.breaking{box-shadow:inset 4px 0 var(--warn)}
.breaking .headline{font-weight:600}
.item.new .badge{animation:wane 60s linear}
@keyframes wane{70%{opacity:1}to{opacity:.3}}
.item.gone{opacity:.6}
.item.gone .headline{text-decoration:line-through}
.item.gone .badge{color:var(--red)}
.pill{position:absolute;top:8px;left:50%;transform:translateX(-50%);padding:2px 14px;border-radius:12px;
font-size:12px;font-weight:600;background:var(--accent);color:var(--bg)}
.pill:focus-visible{outline-offset:2px}
.pill::before{content:"↑ " / ""}
@container (width >= 760px){.item{grid-template-columns:8ch 18ch 4ch minmax(0,1fr) auto}}
@container (width < 620px){
.item{grid-template-columns:8ch auto minmax(0,1fr) 4ch;padding-block:4px 5px}
.badge{grid-area:1/4;text-align:end}
.tickers{grid-area:1/3}
.headline{grid-area:2/1/3/5;padding:0}}
@media (prefers-reduced-motion:reduce){.item.new .badge{animation:none}}
@media (forced-colors:active){.item.breaking{border-inline-start:4px solid}}
`);
