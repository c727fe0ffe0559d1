// Who has done what.

import { api } from "../api.js";
import { announce, busy, h, table } from "../dom.js";
import { explain, isKnown, moment, t } from "../i18n.js";

export async function audit({ signal }) {
  const { entries, has_more: more } = await api.audit(null, { signal });
  const heads = ["audit.when", "audit.what", "audit.whom", "audit.by", "audit.detail"].map((name) => t(name));
  const list = table(t("audit"), heads, entries.map(row));
  const body = list.querySelector("tbody");
  let last = entries.at(-1)?.id;

  const older = h("button", { type: "button", hidden: !more, onclick: () => busy(older, load) }, t("audit.older"));
  const load = async () => {
    try {
      const page = await api.audit(last, { signal });
      last = page.entries.at(-1)?.id ?? last;
      body.append(...table("", heads, page.entries.map(row)).querySelectorAll("tbody tr"));
      older.hidden = !page.has_more;
      announce(t("audit.loaded", { n: page.entries.length }));
    } catch (error) {
      if (!signal.aborted) announce(explain(error));
    }
  };
  return [
    h("h1", { tabindex: "-1" }, t("audit")),
    h("p", { class: "hint" }, t("audit.text")),
    entries.length ? list : h("p", { class: "empty card" }, t("audit.empty")),
    h("p", null, older),
  ];
}

/** What a newer server does is shown by its own name for it. */
const named = (kind, name) => isKnown(`${kind}.${name}`) ? t(`${kind}.${name}`) : name;

/** `name=value` in words, with times as people read them. What a newer server says is shown as it is. */
function inWords(detail) {
  return detail.split(" ").map((pair) => {
    const [name, value] = pair.split("=", 2);
    if (value === undefined || !isKnown(`detail.${name}`)) return pair;
    const count = /^\d+$/.test(value) ? Number(value) : undefined;
    if (count === 0) return "";
    return t(`detail.${name}`, { n: count, value: name.endsWith("_at") && count ? moment(count) : count ?? value });
  }).filter(Boolean).join(", ");
}

function row({ at, action, user_id: user, actor, detail }) {
  return [
    moment(at),
    named("act", action),
    user ? h("code", { translate: "no" }, user) : "—",
    named("actor", actor),
    detail ? h("span", { class: "hint" }, inWords(detail)) : "—",
  ];
}
