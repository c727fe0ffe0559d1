// One user: what they have, and what can be done about it.

import { api } from "../api.js";
import { Invalid, ask, hoursSelect, showInvitation, showKey } from "../dialogs.js";
import { announce, choice, field, h, table } from "../dom.js";
import { ago, bytes, moment, number, t } from "../i18n.js";
import { statusOf } from "./users.js";

export async function user({ signal, argument: id, reload, go }) {
  const found = await api.user(id, { signal });
  /** Asks, does it, says so, and shows what is now. */
  const act = async (question, said) => {
    const done = await ask({ ...question, action: async () => (await question.action()) ?? true });
    if (done === undefined) return;
    if (said) announce(said);
    if (done.link) await showInvitation(done);
    if (done.access_key) await showKey(done);
    reload();
  };
  return [
    h("p", null, h("a", { href: "#/users" }, `← ${t("users")}`)),
    h("div", { class: "head" },
      h("div", null,
        h("h1", { tabindex: "-1", translate: "no" }, id),
        found.display_name && h("p", { class: "hint", translate: "no" }, found.display_name)),
      statusOf(found)),
    facts(found),
    devices(found, act),
    invitation(found, act),
    account(found, act, go),
  ];
}

const button = (name, onclick, kind) => h("button", { type: "button", class: kind, onclick }, t(name));

function facts(found) {
  const fact = (name, value) => h("div", null, h("dt", null, t(name)), h("dd", null, value));
  return h("dl", { class: "card facts" },
    fact("user.seen", ago(found.last_seen_at)),
    fact("user.created", found.created_at ? moment(found.created_at) : t("none")),
    fact("user.stored", bytes(found.stored_bytes)),
    fact("user.waiting", number(found.pending_messages)));
}

function devices({ user_id: id, device_list: list }, act) {
  const heads = ["device", "device.kind", "user.status", "user.seen", "user.waiting", "device.act"].map((name) => t(name));
  const row = (device) => {
    const name = device.device_name || t("device.unnamed");
    const signOut = () => act({
      title: t("device.sign-out.of", { name }), text: t("device.sign-out.text"), submit: t("device.sign-out"), danger: true,
      action: () => api.signOutDevice(id, device.device_id),
    }, t("device.signed-out", { name }));
    const signOutButton = button("device.sign-out", signOut);
    signOutButton.setAttribute("aria-label", t("device.sign-out.of", { name }));
    return [name, device.device_type || "—", statusOf({ active: true, online: device.online }), ago(device.last_seen_at),
      number(device.pending_messages), signOutButton];
  };
  return h("section", null, h("h2", null, t("user.devices")),
    list.length ? table(t("user.devices"), heads, list.map(row)) : h("p", { class: "empty card" }, t("device.none")));
}

function invitation({ user_id: id, active, invitation_expires_at: until }, act) {
  const invite = () => {
    const hours = hoursSelect();
    return act({
      title: t("invite.new"), text: t("invite.new.text", { id }), fields: [field(t("create.hours"), hours)],
      submit: t("invite.new.submit"), action: () => api.invite(id, Number(hours.value)),
    });
  };
  const withdraw = () => act({
    title: t("invite.withdraw"), text: t("invite.withdraw.text", { id }), submit: t("invite.withdraw"), danger: true,
    action: () => api.withdraw(id),
  }, t("invite.withdrawn"));
  if (!active) return null;
  return h("section", null, h("h2", null, t("invite")), h("div", { class: "card act" },
    h("p", null, until ? t("invite.open", { when: moment(until) }) : t("invite.none")),
    h("div", { class: "buttons" }, until && button("invite.withdraw", withdraw), button("invite.new", invite))));
}

function account({ user_id: id, active }, act, go) {
  const resetKey = () => {
    const signOut = h("input", { type: "checkbox" });
    return act({
      title: t("key.new"), text: t("key.new.text", { id }), fields: [choice(signOut, t("key.new.devices"))],
      submit: t("key.new.submit"), action: () => api.resetKey(id, signOut.checked),
    });
  };
  const deactivate = () => act({
    title: t("deactivate.title", { id }), text: t("deactivate.text", { id }), submit: t("deactivate"), danger: true,
    action: () => api.deactivate(id),
  }, t("deactivated", { id }));
  const reactivate = () => act({
    title: t("reactivate.title", { id }), text: t("reactivate.text", { id }), submit: t("reactivate"), action: () => api.reactivate(id),
  }, t("reactivated", { id }));
  const remove = async () => {
    const typed = h("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", autofocus: true });
    const done = await ask({
      title: t("delete.title", { id }), text: t("delete.text"), fields: [field(t("delete.type", { id }), typed)],
      submit: t("delete"), danger: true,
      action: async () => {
        if (typed.value.trim() !== id) throw new Invalid(typed, t("delete.mismatch"));
        await api.deleteUser(id);
        return true;
      },
    });
    if (!done) return;
    announce(t("deleted", { id }));
    go("#/users");
  };
  return h("section", null, h("h2", null, t("actions")), h("div", { class: "card buttons start" },
    active && button("key.new", resetKey),
    active ? button("deactivate", deactivate) : button("reactivate", reactivate),
    button("delete", remove, "danger")));
}
