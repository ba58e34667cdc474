// What a grid looks like, and how a change shows: 120 ms in, held to 500 ms, gone after 1.5 s.

import { sheet } from "./make.js";

export const gridLook = sheet(`
.table{--pad:16px;--_stream-digit:1ch}
@container (width < 400px){.table{--pad:10px}}
.top{position:sticky;top:0;z-index:1}
.row{padding:0 2px;contain:strict;contain-intrinsic-height:var(--row);scroll-margin-top:var(--row);cursor:default}
.rows .row{content-visibility:auto}
.rows .row:hover,.row[aria-selected]{background:var(--mark)}
.row[aria-selected] .c0{box-shadow:inset 3px 0 var(--accent)}
.head{color:var(--dim);background:var(--side)}
.head:empty{display:none}
.head button{font-size:11px;font-weight:400}
.cell{white-space:pre;padding:0 calc(var(--pad)/2);line-height:calc(var(--row) - 1px);height:100%;
border-radius:1px;contain:layout size}
.c0{font-weight:600}
[aria-sort$=ending]{color:var(--ink)}
[aria-sort$=ending]::after{content:"▼" / "";font-size:9px;margin-inline-start:3px}
[aria-sort^=a]::after{content:"▲" / ""}
.f1,.f2{--tint:var(--accent);animation:f1 1.5s linear}
.f2{animation-name:f2}
.again{animation-delay:-.12s}
.rise{--tint:var(--up)}
.fall{--tint:var(--down)}
@keyframes f1{8%,33%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes f2{8%,33%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes new{from{background:color-mix(in srgb,var(--accent) 28%,transparent)}}
@keyframes gone{87%{height:var(--row)}to{height:0;border-width:0}}
.new{animation:new .3s ease-out}
.gone{animation:gone 2.3s forwards;text-decoration:line-through;opacity:.55}
.row.late .cell:not(.c0){color:var(--dim)!important}
.late .c0{font-weight:400}
@media (prefers-reduced-motion:reduce){
.f1,.f2{animation-duration:1s;animation-delay:0s}
@keyframes f1{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes f2{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes gone{from,to{height:var(--row)}}
.new{animation:none}}
@media (forced-colors:active){
.f1,.f2{animation-duration:1s;animation-delay:0s}
@keyframes f1{from,to{outline:1px solid;outline-offset:-2px}}
@keyframes f2{from,to{outline:1px solid;outline-offset:-2px}}
.row[aria-selected]{outline:2px solid Highlight;outline-offset:-2px}}
`);
