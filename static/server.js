// The server that this page came from: what it answers, and the token it is shown.

const LATE_MS = 8_000;
const TOKEN = "stream.token";

/** Where the service is: the folder of the page. */
export const base = new URL(".", document.baseURI);

/** What a page says where nothing is listed: of what may not be read a server says nothing. */
export const NO_CHANNELS = "There are no channels. Add a source to the configuration, or give a token that may read some.";

/** The token of this tab; undefined where there is none. */
export function token() {
  return sessionStorage.getItem(TOKEN) ?? undefined;
}

export function setToken(given) {
  if (given) sessionStorage.setItem(TOKEN, given);
  else sessionStorage.removeItem(TOKEN);
}

/** Takes a token out of the page's address, where it would be copied along with it. */
export function takeToken() {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  if (given === null) return;
  setToken(given);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

/** What the server refused, in its own words. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Reads JSON; answers `{body, skew_ms}`: how far the server's clock is ahead, where that matters. */
export async function read(path) {
  const headers = token() ? { authorization: `Bearer ${token()}` } : {};
  const signal = AbortSignal.timeout(LATE_MS);
  const answer = await fetch(new URL(path, base), { headers, signal, cache: "no-store" });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => null);
    throw new Refusal(problem?.detail ?? `the server answered ${answer.status}`, answer.status);
  }
  const ahead = Date.parse(answer.headers.get("date") ?? "") - Date.now();
  return { body: await answer.json(), skew_ms: Math.abs(ahead) > 2_000 ? ahead : 0 };
}

/** Reads again and again while the page is seen; `take(body, skew_ms)` or `fail(message, status)`. */
export class Regular {
  #path; #every_ms; #take; #fail;
  #timer = null;
  #running = false;

  constructor(path, every_ms, { take, fail }) {
    this.#path = path;
    this.#every_ms = every_ms;
    this.#take = take;
    this.#fail = fail;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#running) this.now();
    });
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Reads at once, and then goes on. */
  async now() {
    this.#running = true;
    clearTimeout(this.#timer);
    try {
      const { body, skew_ms } = await read(this.#path);
      this.#take(body, skew_ms);
    } catch (error) {
      if (error instanceof Refusal) this.#fail(error.message, error.status);
      else this.#fail("The server does not answer. Trying again every 2 s.", 0);
    }
    clearTimeout(this.#timer);
    if (this.#running && !document.hidden) this.#timer = setTimeout(() => this.now(), this.#every_ms);
  }
}

/** The path part of a channel's name. */
export function pathOf(name) {
  return encodeURIComponent(name).replaceAll("%3A", ":");
}
