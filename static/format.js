// Values and times as text for the console. Pure: the current time is given.

const TEXT_MOST = 300;
const LINE_MOST = 80;
const DECIMALS_MOST = 10;

/** An age or a wait in ms as "12 s", "4 min", "5 h", "3 d". */
export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 100) return `${s} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

/** How long ago an RFC 3339 time was; "" where there is none. */
export function since(time, now) {
  const at = Date.parse(time ?? "");
  return Number.isNaN(at) ? "" : duration(now - at);
}

/** "12:04:05" of today, "22 Nov 12:04" of another day, in the reader's own time zone. */
export function clock(time, now) {
  const at = new Date(time ?? NaN);
  if (Number.isNaN(at.getTime())) return "";
  const today = at.toDateString() === new Date(now).toDateString();
  return today
    ? at.toLocaleTimeString("en-GB")
    : at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/** A whole number with separators: 1,707. */
export function whole(number) {
  return Number(number).toLocaleString("en-US");
}

/** How many decimals a number needs; 0 where that is too many to line up. */
export function decimalsOf(number) {
  const [digits, exponent = "0"] = String(number).split("e");
  const decimals = (digits.split(".")[1] ?? "").length - Number(exponent);
  return decimals > 0 && decimals <= DECIMALS_MOST ? decimals : 0;
}

function numberText(number, decimals) {
  const own = decimalsOf(number);
  const text = own > 0 ? number.toFixed(own) : String(number);
  if (own >= decimals || (own === 0 && !Number.isInteger(number)) || text.includes("e")) return text;
  return `${text}${own === 0 ? "." : ""}${"0".repeat(decimals - own)}`;
}

/** A number, or a text that is written like one: it belongs on the right. */
export function isNumeric(value) {
  return typeof value === "number" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value));
}

export function isNested(value) {
  return value !== null && typeof value === "object";
}

export function isLink(value) {
  return typeof value === "string" && /^https?:\/\/\S+$/.test(value);
}

/** One value as one line. A number is padded to `decimals`, never rounded. */
export function cellText(value, decimals = 0) {
  if (value === undefined) return "";
  if (value === null) return "–";
  if (typeof value === "number") return numberText(value, decimals);
  if (isLink(value)) return shorten(value.replace(/^https?:\/\/(www\.)?/, ""), TEXT_MOST);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return shorten(text.replace(/\s+/g, " "), TEXT_MOST);
}

/** One value in full: what fits into a line is one, and so is a list of plain values. */
export function fullText(value, indent = "") {
  if (!isNested(value)) return indent ? JSON.stringify(value) : String(value);
  const text = JSON.stringify(value);
  if (text.length + indent.length <= LINE_MOST) return text;
  const within = `${indent}  `;
  if (!Array.isArray(value)) {
    const lines = Object.entries(value).map(([name, one]) => `${within}${JSON.stringify(name)}: ${fullText(one, within)}`);
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  if (!value.some(isNested)) return `[${value.map((one) => JSON.stringify(one)).join(", ")}]`;
  return `[\n${value.map((one) => within + fullText(one, within)).join(",\n")}\n${indent}]`;
}

export function shorten(text, most) {
  if (text.length <= most) return text;
  return `${text.slice(0, most)}… ${whole(text.length - most)} more characters`;
}

/** A text as one word of a POSIX shell. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
