// Where the marks of an axis stand. Pure.

const TIMES_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** At most `most` round values from `low` to `high`, and to how many decimals they are written. */
export function valueMarks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const marks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) marks.push(at * step);
  return { marks, decimals: Math.max(0, -Math.floor(Math.log10(step * 1.001))) };
}

/** The seconds at which a clock shows round times, at most `most`; `zone_s`: how far local time is ahead. */
export function timeMarks(from, to, most, zone_s) {
  const step = TIMES_S.find((one) => (to - from) / one <= most) ?? 86400 * Math.ceil((to - from) / 86400 / most);
  const marks = [];
  for (let at = Math.ceil((from + zone_s) / step) * step - zone_s; at <= to; at += step) marks.push(at);
  return { marks, step };
}
