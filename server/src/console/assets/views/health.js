// The server's own examination.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { inLanguage, t } from "../i18n.js";

const KNOWN = ["pass", "warn", "fail"];

/** The worst first: that is what one has come for. */
const order = ({ status }) => -KNOWN.indexOf(status);

export async function health({ signal, reload }) {
  const { status, checks } = await api.doctor({ signal });
  const again = h("button", { type: "button", onclick: () => reload(t("health.again.done")) }, t("health.again"));
  return [
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, t("health")), again),
    h("p", { class: "hint" }, t("health.text")),
    h("p", { class: `card verdict ${status}` }, icon(KNOWN.includes(status) ? status : "warn"), t(`health.${status}`)),
    h("h2", { class: "unseen" }, t("health.checks")),
    h("ul", { class: "card checks" }, [...checks].sort((a, b) => order(a) - order(b)).map(line)),
  ];
}

function line({ id, status, summary, advice }) {
  return h("li", { class: status },
    icon(KNOWN.includes(status) ? status : "warn"),
    h("div", null,
      h("p", null, h("span", { class: "unseen" }, `${t(`check.${status}`)}: `), inLanguage(summary) || id),
      advice && h("p", { class: "advice" }, inLanguage(advice))));
}
