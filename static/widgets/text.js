// Prices, changes, amounts and times as a trader reads them. Pure: the current time is given.

import { decimalsOf } from "../format.js";

const THIN = "\u2009"; // between thousands
const MINUS = "\u2212"; // as wide as the plus
const DIGIT = "\u2007"; // a space as wide as a digit,
const POINT = "\u2008"; // and one as wide as a point
const PRICES = ["last", "bid", "ask", "open", "high", "low", "prev_close"];
const DECIMALS = { least: 2, most: 8 };
const DAY_MS = 72_000_000; // the same hour of another day would be mistaken for today's
const SHORT = /* @__PURE__ */ new Intl.NumberFormat("en", {
  notation: "compact", minimumSignificantDigits: 3, maximumSignificantDigits: 3,
});

/** To how many decimals an instrument trades, by its prices; at least `known`, and 2. */
export function tickDecimals(item, known = DECIMALS.least) {
  for (const field of PRICES) if (isNumber(item[field])) known = Math.max(known, decimalsOf(item[field]));
  return Math.min(DECIMALS.most, Math.max(DECIMALS.least, known));
}

/** "68 240.50": rounded to `decimals`, and filled up with spaces to the width of `most` of them. */
export function price(value, decimals, most = decimals, plus = "") {
  if (!isNumber(value)) return "–";
  const text = Math.abs(value).toFixed(decimals);
  const [whole, part] = text.split(".");
  const sign = Number(text) === 0 ? "" : value < 0 ? MINUS : plus;
  const rest = part ? `.${part}` : most > 0 ? POINT : "";
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, THIN) + rest + DIGIT.repeat(Math.max(0, most - decimals));
}

/** The same with a plus where it is a gain. */
export function signed(value, decimals, most) {
  return price(value, decimals, most, "+");
}

/** "+1.50%"; a dash where there is none. */
export function percent(value) {
  return isNumber(value) ? `${signed(value, 2)}%` : "–";
}

/** "12 345", "123K", "1.24M": never wider than six characters. */
export function amount(value) {
  if (!isNumber(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e5) return price(value, Number.isInteger(value) ? 0 : 2);
  return (value < 0 ? MINUS : "") + SHORT.format(size);
}

/** -1, 0 or 1. */
export function way(value) {
  return isNumber(value) ? Math.sign(value) : 0;
}

/** "12:04:05" of the last and next 20 hours, else "22 Nov", in the reader's own time zone; "" of no time. */
export function moment(time, now) {
  const at = new Date(time ?? NaN);
  if (isNaN(at)) return "";
  if (Math.abs(now - at) < DAY_MS) return at.toLocaleTimeString("en-GB");
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** A time that has passed, in ms, as "00:42", "12:05" or "3:12:05". */
export function lapse(ms) {
  const past = Math.max(0, ms) || 0;
  const hours = Math.floor(past / 3_600_000);
  if (hours >= 100) return `${Math.floor(hours / 24)} d`;
  return (hours ? `${hours}:` : "") + new Date(past).toISOString().slice(-10, -5);
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
