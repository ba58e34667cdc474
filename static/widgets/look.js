// What all elements look like: colours, type, the strip at the foot, what stands in for rows. Every
// `--stream-…` may be set by the page; docs/widgets.md lists them.

import { sheet } from "./make.js";

export const look = sheet(`
:host{display:block;box-sizing:border-box}
:host([hidden]),[hidden]{display:none!important}
*{box-sizing:border-box;margin:0}
.frame{
--bg:var(--stream-background,light-dark(#fff,#101317));
--ink:var(--stream-ink,light-dark(#14181d,#e6e9ed));
--dim:var(--stream-dim,light-dark(#5a636e,#98a2ae));
--line:var(--stream-line,light-dark(#e3e6ea,#262b32));
--side:var(--stream-side,light-dark(#f6f7f9,#15191e));
--mark:var(--stream-mark,light-dark(#e9f1fb,#1b2735));
--accent:var(--stream-accent,light-dark(#0b5cad,#7ab8f5));
--green:light-dark(#0a763a,#4cc884);
--red:light-dark(#bd2419,#ff8278);
--warn:light-dark(#875700,#e2ab4a);
--up:var(--stream-up,var(--green));
--down:var(--stream-down,var(--red));
--row:var(--stream-row-h,26px);
--hair:1px solid var(--line);
color-scheme:light dark;container-type:inline-size;
height:100%;max-height:inherit;overflow:hidden;
color:var(--ink);background:var(--bg);text-align:start;
font:var(--stream-font,13px/1.4 system-ui,sans-serif);
font-variant-numeric:tabular-nums}
:host([theme=light]) .frame{color-scheme:light}
:host([theme=dark]) .frame{color-scheme:dark}
:host([palette=cvd]) .frame{--up:var(--stream-up,light-dark(#1a66c4,#74b0fa));--down:var(--stream-down,light-dark(#a34f00,#f39b45))}
:host([palette=asia]) .frame{--up:var(--stream-up,var(--red));--down:var(--stream-down,var(--green))}
.frame,.body{display:flex;flex-direction:column;position:relative}
.body,.scroll{flex:1;min-height:0}
.scroll{overflow:auto;overscroll-behavior:contain}
.body:has(>.message:not([hidden]))>.scroll{flex:none}
.up{color:var(--up)}
.down{color:var(--down)}
.quiet,.message{color:var(--dim)}
.words,.cell{overflow:hidden;text-overflow:ellipsis}
button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
:focus-visible{outline:2px solid var(--accent);outline-offset:-2px}
.foot,.row{display:flex;align-items:center}
.row,.bone{height:var(--row);border-bottom:var(--hair)}
.foot{gap:8px;height:24px;padding:0 10px;font-size:11px;flex:none;
color:var(--dim);background:var(--side);border-top:var(--hair);white-space:nowrap}
.words{flex:1;min-width:0;color:var(--tone)}
.foot button{min-width:52px;height:18px;border:var(--hair);border-radius:3px}
.foot button:hover{background:var(--mark)}
:host([paused]) .foot button{color:var(--warn);border-color:currentColor}
[data-tone=ok]{--tone:var(--green)}
[data-tone=warn]{--tone:var(--warn)}
[data-tone=bad]{--tone:var(--red)}
[data-tone=ok] .words{color:inherit}
[data-tone=bad] .message{color:var(--tone)}
.dot{flex:none;width:8px;height:8px;border-radius:50%;border:1.5px solid var(--tone,var(--dim));background:var(--tone)}
[data-tone=warn] .dot{border-radius:1px}
[data-tone=bad] .dot{border:0;border-radius:0;clip-path:polygon(50% 0,100% 100%,0 100%)}
[data-old] .fresh{opacity:.85;filter:grayscale(1)}
.message{padding:20px 12px;overflow-wrap:anywhere}
.bone{background:linear-gradient(90deg,var(--line) 22%,#0000 0 60%,var(--line) 0) 50%/calc(100% - 20px) 8px no-repeat}
.sr{position:absolute;clip-path:inset(50%)}
@media (forced-colors:active){.dot{forced-color-adjust:none}}
`);
