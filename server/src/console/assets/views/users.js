// All users, and making new ones.

import { api } from "../api.js";
import { Invalid, ask, hoursSelect, showInvitation, showKey } from "../dialogs.js";
import { announce, choice, field, h, table } from "../dom.js";
import { ago, bytes, number, t } from "../i18n.js";

/** Rows that are shown at once: a list of thousands would make the page slow, and nobody reads it. */
const PAGE = 100;

/** As the server checks it. */
const USER_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

export async function users({ signal, go }) {
  const { users: all } = await api.users({ signal });
  let shown = PAGE;
  const search = h("input", { type: "search", autocomplete: "off", spellcheck: "false", oninput: () => { shown = PAGE; list(); } });
  const count = h("p", { class: "hint", role: "status" });
  const found = h("div");

  const list = (from = 0) => {
    const wanted = search.value.trim().toLowerCase();
    const hits = all.filter(({ user_id: id, display_name: name }) =>
      id.toLowerCase().includes(wanted) || name?.toLowerCase().includes(wanted));
    count.textContent = wanted ? t("users.found", { n: hits.length, total: all.length }) : t("users.shown", { n: all.length });
    if (!hits.length) return found.replaceChildren(h("p", { class: "empty card" }, t(all.length ? "users.nobody" : "users.empty")));
    const more = hits.length > shown && h("p", null,
      h("button", { type: "button", onclick: () => { shown += PAGE; list(shown - PAGE); } }, t("users.more")));
    found.replaceChildren(rows(hits.slice(0, shown)), more || "");
    // The button that had the focus is gone: on with the first of those that it has brought.
    if (from) found.querySelectorAll("tbody a")[from]?.focus();
  };
  list();

  const create = h("button", { type: "button", class: "primary", onclick: () => createUser(go) }, t("users.new"));
  return [
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, t("users")), create),
    h("div", { class: "toolbar" }, field(t("users.search"), search), count),
    found,
  ];
}

/** How a user is: a word and a colour. */
export function statusOf({ active, online }) {
  const state = active ? online ? "online" : "offline" : "inactive";
  return h("span", { class: `chip ${state}` }, t(`status.${state}`));
}

function rows(list) {
  const heads = ["user", "user.status", "user.devices", "user.seen", "user.stored", "user.waiting"].map((name) => t(name));
  return table(t("users"), heads, list.map((user) => [
    [h("a", { href: `#/users/${encodeURIComponent(user.user_id)}`, translate: "no" }, user.user_id),
      user.display_name && h("span", { class: "hint", translate: "no" }, user.display_name)],
    statusOf(user),
    number(user.devices),
    ago(user.last_seen_at),
    bytes(user.stored_bytes),
    number(user.pending_messages),
  ].map((content) => [content].flat().filter(Boolean))));
}

async function createUser(go) {
  const id = h("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: 64, autofocus: true });
  const hours = hoursSelect();
  const byInvitation = h("input", { type: "radio", name: "hand", value: "invitation", checked: true });
  const byKey = h("input", { type: "radio", name: "hand", value: "key" });
  const hoursField = field(t("create.hours"), hours);
  const handed = h("fieldset", { onchange: () => { hoursField.hidden = byKey.checked; } },
    h("legend", null, t("create.hand")),
    choice(byInvitation, t("create.invitation")), choice(byKey, t("create.key")));
  let created = null;
  const made = await ask({
    title: t("create.title"),
    fields: [field(t("create.id"), id, t("create.id.hint")), handed, hoursField],
    submit: t("create.submit"),
    action: async () => {
      const wanted = id.value.trim();
      if (wanted && !USER_ID.test(wanted)) throw new Invalid(id, t("create.id.invalid"));
      // Kept if only the invitation fails: another try must not make another user.
      created ??= await api.createUser(wanted);
      id.readOnly = true;
      return byKey.checked ? created : api.invite(created.user_id, Number(hours.value));
    },
  });
  if (!created) return;
  const shown = made && (made.link ? showInvitation(made) : showKey(made));
  announce(t("create.done", { id: created.user_id }));
  await shown;
  go(`#/users/${encodeURIComponent(created.user_id)}`);
}
