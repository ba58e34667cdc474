// What a client asks a server for: the URL of a link, and the members of a subscribe command.

/** Names given as a list, or as one text separated by commas. */
export function list(names) {
  return [...(typeof names === "string" ? names.match(/[^,]+/g) : names) ?? []];
}

/** What is to be seen of the channels, named as on the wire; undefined = all. */
export function viewOf({ fields, keys, where, trail }) {
  const joined = (names) => list(names).join() || undefined;
  return { fields: joined(fields), keys: joined(keys), where: where || undefined, trail: trail ? 1 : undefined };
}

/** The URL of a link for these channels, by `ws` or `sse`; `base` ends with a slash. */
export function addressOf(base, transport, channels, options, since, token) {
  const names = [...channels].map(encodeURIComponent).join(",").replaceAll("%3A", ":");
  const url = new URL(`${transport}/${names}`, base);
  if (transport === "ws") url.protocol = url.protocol.replace("http", "ws");
  const asked = { since, ...viewOf(options), max_rate: options.maxRate, token };
  for (const [name, value] of Object.entries(asked)) {
    if (value) url.searchParams.set(name, value);
  }
  return url;
}
