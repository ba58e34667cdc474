// What a grid looks like, and how a change shows: 120 ms in, held to 500 ms, gone after 1.5 s.

import { sheet } from "./make.js";

export const gridLook = sheet(`
.table{--pad:16px;--_stream-digit:1ch}
.top{position:sticky;top:0;z-index:1}
.row{display:flex;align-items:center;height:var(--row);border-bottom:1px solid var(--line);padding:0 2px;contain:strict;contain-intrinsic-height:var(--row);scroll-margin-top:var(--row);cursor:default}
.rows .row{content-visibility:auto}
.rows .row:hover,.row[aria-selected]{background:var(--mark)}
.row[aria-selected] .c0{box-shadow:inset 3px 0 var(--accent)}
.head{color:var(--dim);background:var(--side)}
.head:empty{display:none}
.head button,.head span{font-size:11px;font-weight:400}
.cell{overflow:hidden;text-overflow:ellipsis;white-space:pre;padding:0 calc(var(--pad)/2);line-height:calc(var(--row) - 1px);height:100%;
border-radius:1px;contain:layout size}
.c0{font-weight:600;}
.rows a[href]{color:var(--accent)}
.cell[part~=nested]{color:var(--dim)}
@container (width < 400px){.table{--pad:10px}}
[aria-sort]:not([aria-sort=none]){color:var(--ink)}
.head [aria-sort=ascending]::after{content:"▲" / "";font-size:9px;margin-inline-start:3px}
.head [aria-sort=descending]::after{content:"▼" / "";font-size:9px;margin-inline-start:3px}
.f1,.f2,.f3{--tint:var(--accent)}
.rise{--tint:var(--up)}
.fall{--tint:var(--down)}
.f1{animation:f1 1.5s linear}
.f2{animation:f2 1.38s linear}
.f3{animation:f3 1.38s linear}
@keyframes f1{8%,33%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes f2{from,28%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes f3{from,28%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes new{from{background:color-mix(in srgb,var(--accent) 28%,transparent)}}
@keyframes gone{87%{height:var(--row)}to{height:0;border-width:0}}
.row.new{animation:new .3s ease-out}
.row.gone{animation:gone 2.3s forwards;text-decoration:line-through;opacity:.55}
.row.late .cell:not(.c0){color:var(--dim)!important}
.row.late .c0{font-weight:400}
@media (prefers-reduced-motion:reduce){
.f1,.f2,.f3{animation-duration:1s}
@keyframes f1{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes f2{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes f3{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes gone{from,to{height:var(--row)}}
.row.new{animation:none}}
@media (forced-colors:active){
.f1,.f2,.f3{animation-duration:1s}
@keyframes f1{from,to{outline:1px solid;outline-offset:-2px}}
@keyframes f2{from,to{outline:1px solid;outline-offset:-2px}}
@keyframes f3{from,to{outline:1px solid;outline-offset:-2px}}
.row[aria-selected]{outline:2px solid Highlight;outline-offset:-2px}}
`);
