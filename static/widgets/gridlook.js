// What a grid looks like while nothing changes; flash.js is how a change shows.

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
.row.late .cell:not(.c0){color:var(--dim)!important}
.late .c0{font-weight:400}
@media (forced-colors:active){.row[aria-selected]{outline:2px solid Highlight;outline-offset:-2px}}
`);
