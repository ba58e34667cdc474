// The order a reader chose. Pure.

/** The keys of `items` by `sort.value(item)`, `sort.down` or up; without a value last. */
export function ordered(items, { value, down }) {
  const pairs = [...items].map(([key, item]) => [key, value(item)]);
  const sign = down ? -1 : 1;
  return pairs.sort(([, a], [, b]) => compare(a, b, sign)).map(([key]) => key);
}

function compare(a, b, sign) {
  const missing = isMissing(a) - isMissing(b);
  if (missing !== 0 || isMissing(a)) return missing;
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
}

function isMissing(value) {
  return value === undefined || value === null || value === "";
}

/** A channel's `sort` as `{field, down}`; null where it has none. */
export function orderOf(sort) {
  return sort ? { field: sort.replace(/^-/, ""), down: sort.startsWith("-") } : null;
}
