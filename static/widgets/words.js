// What two versions of a text have in common, word by word. Pure.

/** `{head, gone, come, tail}`: what both begin with, what only the one or the other has between, how both end. */
export function compare(before, after) {
  const [from, to] = [before.split(" "), after.split(" ")];
  const least = Math.min(from.length, to.length);
  let [head, tail] = [0, 0];
  while (head < least && from[head] === to[head]) head += 1;
  while (tail < least - head && from.at(-1 - tail) === to.at(-1 - tail)) tail += 1;
  const cut = (words, start, end) => words.slice(start, end).join(" ");
  return {
    head: cut(to, 0, head), gone: cut(from, head, from.length - tail),
    come: cut(to, head, to.length - tail), tail: cut(to, to.length - tail),
  };
}
