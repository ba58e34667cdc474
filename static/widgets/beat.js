// One animation frame and one second for all elements of the page. Knows nothing of what they show.

const due = new Set();
const counted = new Set();
let frame = 0;
let timer = 0;

/** Has `painter.paint(now)` called in the next frame, once however often it is asked for. */
export function soon(painter) {
  due.add(painter);
  frame ||= requestAnimationFrame((now) => {
    frame = 0;
    const painters = [...due];
    due.clear();
    each(painters, (one) => one.paint(now));
  });
}

/** Has `ticker.tick(now)` called every second, with the time in ms of the wall clock. */
export function every(ticker) {
  counted.add(ticker);
  timer ||= setInterval(() => each(counted, (one) => one.tick(Date.now())), 1_000);
}

/** Neither any more. */
export function never(one) {
  counted.delete(one);
  due.delete(one);
  if (counted.size > 0) return;
  clearInterval(timer);
  timer = 0;
}

// One element that fails must not stop the others.
function each(all, act) {
  for (const one of all) {
    try {
      act(one);
    } catch (error) {
      reportError(error);
    }
  }
}
