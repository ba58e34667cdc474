/** The formats `merge-patch` and `json-patch`, for clients of one's own. See docs/protocol.md. */
import type { Change, Channel, Message } from "./stream.js";

/** As `apply` of stream.js, for messages in any of the three formats. */
export function apply(state: Channel, message: Message): Change | null;

/** RFC 7396: `target` with `patch` merged in. Neither is changed; what did not change is shared. */
export function mergePatch(target: unknown, patch: unknown): unknown;

/**
 * RFC 6902: `document` after all `ops`; throws at the first that fails. A plain document is not changed;
 * a Map at the root stands for an object and is changed in place.
 */
export function jsonPatch(document: unknown, ops: readonly Operation[]): unknown;

export type Operation =
  | { op: "add" | "replace" | "test"; path: string; value: unknown }
  | { op: "remove"; path: string }
  | { op: "move" | "copy"; path: string; from: string };
