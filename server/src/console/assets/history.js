// Figures over time, brought into the form in which they are shown.

const HOUR = 3600;

/** What can be chosen, and the step in which each is counted and told as a table. */
export const SPANS = {
  day: { hours: 24, step: HOUR },
  week: { hours: 168, step: 6 * HOUR },
  month: { hours: 720, step: 24 * HOUR },
};

/** Takes points of each `step` together, by local time; `combine` says how. */
export function grouped(points, step, combine) {
  const groups = new Map();
  for (const { at, value } of points) {
    const shift = new Date(at * 1000).getTimezoneOffset() * 60;
    const start = Math.floor((at - shift) / step) * step + shift;
    groups.set(start, groups.has(start) ? combine(groups.get(start), value) : value);
  }
  return [...groups].map(([at, value]) => ({ at, value }));
}

export const sum = (a, b) => a + b;

/** The point with the highest value, the latest of several. */
export const highest = (points) => points.reduce((best, point) => point.value >= best.value ? point : best);

/** Runs of points without a gap: the server was off in between. */
export function runs(points, interval) {
  const found = [];
  for (const point of points) {
    const run = found.at(-1);
    if (run && point.at - run.at(-1).at <= 1.5 * interval) run.push(point);
    else found.push([point]);
  }
  return found;
}

/** Round values from 0 to just over `most`, at most five. */
export function scale(most, whole) {
  const rough = Math.max(most, whole ? 4 : 1e-6) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
  if (whole) step = Math.max(1, Math.ceil(step));
  const top = Math.max(1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: top + 1 }, (_, index) => index * step);
}

/** Moments for labels below a chart: at most `most`, on the full hour or at midnight. */
export function moments(from, to, most) {
  const steps = [1, 2, 3, 6, 12, 24, 48, 96, 168, 240];
  const hours = steps.find((candidate) => (to - from) / (candidate * HOUR) <= most) ?? steps.at(-1);
  const cursor = new Date(from * 1000);
  cursor.setHours(0, 0, 0, 0);
  const found = [];
  while (cursor.getTime() / 1000 <= to) {
    if (cursor.getTime() / 1000 >= from) found.push(cursor.getTime() / 1000);
    cursor.setHours(cursor.getHours() + hours);
  }
  return found;
}
