// Prices, changes, amounts and times as a trader reads them. Pure: the current time is given.

import { decimalsOf } from "../format.js";

const THIN = "\u2009"; // between thousands
const MINUS = "\u2212"; // as wide as the plus
const DIGIT = "\u2007"; // a space as wide as a digit,
const POINT = "\u2008"; // and one as wide as a point
const PRICES = ["last", "bid", "ask", "open", "high", "low", "prev_close"];
const DECIMALS = { least: 2, most: 8 };
const DAY_MS = 72_000_000; // the same hour of another day would be mistaken for today's
const UNITS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];

/** To how many decimals an instrument trades, by its prices; at least `known`, and 2. */
export function tickDecimals(item, known = DECIMALS.least) {
  for (const field of PRICES) if (isNumber(item[field])) known = Math.max(known, decimalsOf(item[field]));
  return Math.min(DECIMALS.most, Math.max(DECIMALS.least, known));
}

/** "68 240.50": rounded to `decimals`, and filled up with spaces to the width of `most` of them. */
export function price(value, decimals, most = decimals) {
  if (!isNumber(value)) return "–";
  const [whole, part = ""] = Math.abs(value).toFixed(decimals).split(".");
  const missing = most - decimals;
  const rest = part ? `.${part}` : most > 0 ? POINT : "";
  const zero = Number(value.toFixed(decimals)) === 0;
  const sign = value < 0 && !zero ? MINUS : "";
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, THIN) + rest + DIGIT.repeat(Math.max(0, missing));
}

/** The same with a plus where it is a gain. */
export function signed(value, decimals, most) {
  const text = price(value, decimals, most);
  return isNumber(value) && Number(value.toFixed(decimals)) > 0 ? `+${text}` : text;
}

/** "12 345", "123K", "1.24M": never wider than six characters. */
export function amount(value) {
  if (!isNumber(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e5) return price(value, Number.isInteger(value) ? 0 : 2);
  const [unit, name] = UNITS.find(([least]) => size >= least * 0.9995);
  const scaled = size / unit;
  const text = scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0);
  return `${value < 0 ? MINUS : ""}${text}${name}`;
}

/** -1, 0 or 1. */
export function way(value) {
  return isNumber(value) ? Math.sign(value) : 0;
}

/** "12:04:05" of the last and next 20 hours, else "22 Nov", in the reader's own time zone; "" of no time. */
export function moment(time, now) {
  const at = new Date(time ?? NaN);
  if (Number.isNaN(at.getTime())) return "";
  if (Math.abs(now - at) < DAY_MS) return at.toLocaleTimeString("en-GB");
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** A time that has passed, in ms, as "00:42", "12:05" or "3:12:05". */
export function lapse(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const pad = (number) => String(number).padStart(2, "0");
  if (h >= 100) return `${Math.floor(h / 24)} d`;
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${pad(m)}:${pad(s)}`;
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
