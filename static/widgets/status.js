// <stream-status>: how a channel stands, in one line.

import { duration } from "../format.js";
import { define, StreamElement } from "./element.js";
import { sheet } from "./make.js";

const DELAYED_MS = { least: 60_000, most: 86_400_000 };

const look = sheet(`
:host{display:inline-flex;gap:.6em;align-items:center;max-width:100%;vertical-align:bottom}
:host([label])::before{content:attr(label);font-weight:600}
.frame{container-type:normal;background:none;height:auto}
.body,.foot button{display:none}
.foot{background:none;border:0;padding:0;height:auto;font-size:inherit}
.words{min-width:12ch}
`);

export class StreamStatus extends StreamElement {
  #lag = 0; // ms from the newest time in the data to here
  #newest = 0;

  build() {
    return [];
  }

  reset() {
    [this.#lag, this.#newest] = [0, 0];
  }

  touched(keys, change, view) {
    for (const key of keys) this.#newest = Math.max(this.#newest, Date.parse(view.items.get(key)?.time ?? "") || 0);
    if (this.#newest > 0) this.#lag = Date.now() - this.#newest;
  }

  restate({ name }) {
    const isLate = this.#lag > DELAYED_MS.least && this.#lag < DELAYED_MS.most;
    if (!isLate || (name !== "live" && name !== "empty")) return null;
    return { name: "live", tone: "warn", text: `DELAYED ${duration(this.#lag)}` };
  }

  show() {}
}

define("stream-status", StreamStatus, [look]);
