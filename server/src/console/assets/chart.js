// A small chart, drawn as SVG in the size that there is, and the same as a sentence and as a table.

import { h, svg, table } from "./dom.js";
import { grouped, highest, moments, runs, scale, sum } from "./history.js";
import { day, moment, t, time } from "./i18n.js";

/**
 * @param options.title what it shows
 * @param options.bars whether values are counts to be added up; otherwise a level, of which the highest counts
 * @param options.unit what the scale counts in, given the highest value; without it, in whole numbers
 * @param options.format how a value is said
 * @returns `element`, and `update(series)` with `{points: [{at, value}], interval, step, from, to}`
 */
export function chart({ title, bars = false, unit, format }) {
  const summary = h("p", { class: "summary" });
  const drawing = h("div", { class: "drawing" });
  const rows = h("details", null, h("summary", null, t("chart.table")));
  const element = h("section", { class: "card chart" }, h("h2", null, title), summary, drawing, rows);
  let series = null;

  const said = () => {
    const { points } = series;
    if (!points.length) return t("chart.empty");
    const best = highest(points);
    const values = { most: format(best.value), when: moment(best.at) };
    return bars
      ? t("chart.sum", { ...values, sum: format(points.map(({ value }) => value).reduce(sum)) })
      : t("chart.level", { ...values, now: format(points.at(-1).value) });
  };

  /** What the pointer is at, in place of the summary. */
  const say = (text) => { summary.textContent = text ?? said(); };

  const draw = () => {
    if (!series || !drawing.clientWidth) return;
    drawing.replaceChildren(picture(series, drawing.clientWidth, { title, bars, unit, format, say, said: said() }));
  };

  new ResizeObserver(draw).observe(drawing);

  return {
    element,
    update(next) {
      const combine = bars ? sum : Math.max;
      const coarse = grouped(next.points, next.step, combine);
      series = bars ? { ...next, points: coarse, interval: next.step } : next;
      summary.textContent = said();
      const heads = [t("chart.time"), t(bars ? "chart.count" : "chart.most")];
      rows.querySelector(".table")?.remove();
      rows.append(table(title, heads, coarse.map(({ at, value }) => [moment(at), format(value)]), true));
      rows.hidden = !coarse.length;
      draw();
    },
  };
}

function picture(series, width, { title, bars, unit, format, say, said }) {
  const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const most = Math.max(0, ...series.points.map(({ value }) => value));
  const one = unit?.(most) ?? 1;
  const ticks = scale(most / one, !unit).map((tick) => tick * one);
  const box = {
    left: Math.max(...ticks.map((tick) => format(tick).length)) * 0.46 * em + 0.9 * em,
    right: width - 0.5 * em, top: 0.6 * em, bottom: 10 * em,
  };
  const { from, to } = series;
  const x = (at) => box.left + (at - from) / (to - from) * (box.right - box.left);
  const y = (value) => box.bottom - value / ticks.at(-1) * (box.bottom - box.top);
  const hairline = svg("line", { class: "hair", y1: box.top, y2: box.bottom, visibility: "hidden" });
  const content = svg("svg", {
    role: "img", "aria-label": `${title}. ${said}`, width, height: box.bottom + 1.7 * em,
    viewBox: `0 0 ${width} ${box.bottom + 1.7 * em}`,
  },
  ticks.map((tick) => [
    svg("line", { class: tick ? "grid" : "base", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }),
    svg("text", { class: "tick end", x: box.left - 0.5 * em, y: y(tick), dy: "0.32em" }, format(tick)),
  ]).flat(),
  labels(series, box, x, em),
  bars ? columns(series, x, y, box) : lines(series, x, y, box),
  hairline);
  const nearest = (event) => {
    const at = from + (event.offsetX - box.left) / (box.right - box.left) * (to - from) - (bars ? series.interval / 2 : 0);
    return series.points.reduce((best, point) => Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best);
  };
  content.addEventListener("pointermove", (event) => {
    if (!series.points.length) return;
    const point = nearest(event);
    const place = x(point.at + (bars ? series.interval / 2 : 0));
    hairline.setAttribute("x1", place);
    hairline.setAttribute("x2", place);
    hairline.setAttribute("visibility", "visible");
    say(`${moment(point.at)}: ${format(point.value)}`);
  });
  content.addEventListener("pointerleave", () => {
    hairline.setAttribute("visibility", "hidden");
    say();
  });
  return content;
}

function labels({ from, to }, box, x, em) {
  const days = to - from > 2 * 86400;
  const most = Math.max(2, Math.floor((box.right - box.left) / (5.5 * em)));
  return moments(from, to, most)
    .filter((at) => x(at) > box.left + em && x(at) < box.right - 1.4 * em)
    .map((at) => svg("text", { class: "tick middle", x: x(at), y: box.bottom + 1.3 * em },
      days || new Date(at * 1000).getHours() === 0 ? day(at) : time(at)));
}

function lines({ points, interval }, x, y, box) {
  return runs(points, interval).map((run) => {
    const path = run.map(({ at, value }, index) => `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const last = run.at(-1);
    return svg("g", null,
      svg("path", { class: "area", d: `${path}V${box.bottom}H${x(run[0].at).toFixed(1)}z` }),
      svg("path", { class: "line", d: path }),
      (run.length === 1 || last === points.at(-1)) && svg("circle", { class: "dot", cx: x(last.at), cy: y(last.value), r: 3 }));
  });
}

function columns({ points, interval }, x, y, box) {
  return points.map(({ at, value }) => {
    const left = Math.max(box.left, x(at));
    const right = Math.min(box.right, x(at + interval));
    return right > left && svg("rect", {
      class: "bar", x: left + 1, width: Math.max(1, right - left - 2), y: y(value), height: box.bottom - y(value), rx: 1.5,
    });
  }).filter(Boolean);
}
