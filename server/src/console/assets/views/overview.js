// Figures of now, and charts of before.

import { api } from "../api.js";
import { chart } from "../chart.js";
import { announce, choice, h } from "../dom.js";
import { SPANS } from "../history.js";
import { byteUnit, bytes, explain, number, t, time } from "../i18n.js";

/** How often the figures are fetched anew while somebody may be looking. */
const PAUSE = 30_000;

const MEGABYTE = 1024 * 1024;

let span = "day";

export async function overview({ signal }) {
  const figures = h("dl", { class: "figures" });
  const updated = h("p", { class: "hint" });
  const charts = h("div", { class: "charts" });
  let drawn = [];

  // Old figures look like new ones: whoever looks is told, and when they were true.
  let known = "";
  let silent = false;
  const told = (error) => {
    if (signal.aborted) return;
    updated.textContent = `${explain(error)} ${known}`.trim();
    updated.classList.add("problem");
    figures.classList.add("stale");
    charts.classList.add("stale");
    if (!silent) announce(explain(error));
    silent = true;
  };

  const rebuild = () => {
    drawn = [
      ["online_users", 1, chart({ title: t("chart.online"), format: number })],
      ["messages", 1, chart({ title: t(`chart.messages.${span}`), bars: true, format: number })],
      ["storage_used_mb", MEGABYTE, chart({ title: t("chart.stored"), unit: byteUnit, format: bytes })],
    ];
    charts.replaceChildren(...drawn.map(([, , { element }]) => element));
  };

  const refresh = async () => {
    const { hours, step } = SPANS[span];
    const asked = span;
    const [stats, history, health] =
      await Promise.all([api.stats({ signal }), api.history(hours, { signal }), api.health({ signal })]);
    if (signal.aborted || asked !== span) return;
    figures.replaceChildren(...tiles(stats));
    known = `${t("overview.updated", { time: time(health.timestamp) })} · ${t("overview.version", health)}`;
    updated.textContent = known;
    updated.classList.remove("problem");
    figures.classList.remove("stale");
    charts.classList.remove("stale");
    silent = false;
    const to = health.timestamp;
    const frame = { interval: history.interval_seconds, step, from: to - hours * 3600, to };
    for (const [name, factor, { update }] of drawn) {
      update({ ...frame, points: history.points.map((point) => ({ at: point.at, value: point[name] * factor })) });
    }
  };

  const chosen = (event) => {
    span = event.target.value;
    rebuild();
    refresh().catch(told);
  };
  const spans = Object.keys(SPANS).map((name) =>
    choice(h("input", { type: "radio", name: "span", value: name, checked: name === span }), t(`overview.${name}`)));

  rebuild();
  await refresh();
  const timer = setInterval(() => document.hidden || refresh().catch(told), PAUSE);
  signal.addEventListener("abort", () => clearInterval(timer));

  return [
    h("div", { class: "head" },
      h("div", null, h("h1", { tabindex: "-1" }, t("overview")), updated),
      h("fieldset", { class: "segments", onchange: chosen }, h("legend", { class: "unseen" }, t("overview.span")), spans)),
    figures,
    charts,
  ];
}

function tiles(stats) {
  const tile = (name, value, note) => h("div", { class: "card figure" },
    h("dt", null, t(`figure.${name}`)), h("dd", null, h("strong", null, value), h("span", { class: "hint" }, note)));
  return [
    tile("online", number(stats.online_users), t("figure.online.of", { total: stats.active_users })),
    tile("users", number(stats.total_users), t("figure.users.active", { n: stats.active_users })),
    tile("waiting", number(stats.pending_messages), t("figure.waiting.note")),
    tile("stored", bytes(stats.storage_used_mb * MEGABYTE), t("figure.files", { n: stats.stored_files })),
  ];
}
