// Whoever walks away from the screen is signed out.

const LIMIT = 15 * 60 * 1000;
const SIGNS_OF_LIFE = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/** Calls `expired` after a quarter of an hour in which nobody touched anything. Returns how to stop watching. */
export function watchIdle(expired) {
  let last = Date.now();
  const alive = () => { last = Date.now(); };
  const stop = () => {
    clearInterval(timer);
    SIGNS_OF_LIFE.forEach((name) => removeEventListener(name, alive, true));
    document.removeEventListener("visibilitychange", check);
  };
  // By the clock, not by one long timer: a computer that slept has not counted.
  const check = () => {
    if (Date.now() - last < LIMIT) return;
    stop();
    expired();
  };
  const timer = setInterval(check, 5000);
  SIGNS_OF_LIFE.forEach((name) => addEventListener(name, alive, { capture: true, passive: true }));
  document.addEventListener("visibilitychange", check);
  return stop;
}
