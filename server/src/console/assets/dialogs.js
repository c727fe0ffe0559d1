// Dialogs: the browser's own, which keep the focus inside and give it back afterwards.

import { announce, busy, copy, h } from "./dom.js";
import { explain, moment, t } from "./i18n.js";

let serial = 0;

/** Opens a dialog. `buttons` stand below its content; Escape closes it. Resolves when it is closed. */
function open(title, content, buttons) {
  const heading = h("h2", { id: `dialog-${++serial}`, tabindex: "-1" }, title);
  const dialog = h("dialog", { "aria-labelledby": heading.id }, heading, content, h("div", { class: "buttons" }, buttons));
  document.body.append(dialog);
  const closed = new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    // What had the focus may be gone with the list that it stood in.
    if (document.activeElement === document.body) document.querySelector("main h1")?.focus();
    resolve();
  }));
  dialog.showModal();
  if (!dialog.querySelector("[autofocus]")) heading.focus();
  return { dialog, closed };
}

export function closeAll() {
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
}

/**
 * Asks, and does it. `action` runs when the form is sent; the dialog stays open while it runs and if it fails, so that
 * nothing typed is lost. It throws `Invalid` for what is wrong with a field.
 * @returns what `action` has returned, or undefined if the answer was no
 */
export async function ask({ title, text, fields = [], submit, danger = false, action }) {
  let result;
  const problem = h("p", { class: "problem", role: "alert" });
  const yes = h("button", { class: danger ? "danger" : "primary" }, submit);
  const no = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("cancel"));
  const form = h("form", { novalidate: true }, text && h("p", null, text), fields, problem, h("div", { class: "buttons" }, no, yes));
  const { dialog, closed } = open(title, form, []);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(yes, async () => {
      problem.textContent = "";
      form.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
      try {
        result = await action();
        dialog.close();
      } catch (error) {
        problem.textContent = error instanceof Invalid ? error.message : explain(error);
        if (error instanceof Invalid) {
          error.input.setAttribute("aria-invalid", "true");
          error.input.focus();
        }
      }
    });
  });
  await closed;
  return result;
}

/** Something typed does not fit. */
export class Invalid extends Error {
  constructor(input, message) {
    super(message);
    this.input = input;
  }
}

/** A text to be handed over, with a button that copies it. */
function handedOver(label, text, isSecret = true) {
  const shown = h("code", { class: "secret", translate: "no" }, text);
  const button = h("button", {
    type: "button", "aria-label": `${t("copy")}: ${label}`,
    onclick: async () => {
      const copied = await copy(text, shown);
      if (copied && isSecret) shown.dataset.copied = "";
      announce(t(copied ? "copied" : "not-copied"));
    },
  }, t("copy"));
  return h("div", { class: "handed" }, h("h3", null, label), h("div", { class: "row" }, shown, button));
}

/** Shows what is shown only once. It is not closed by a slip: who has copied nothing is asked. */
function show(title, content) {
  const warning = h("p", { class: "problem", role: "alert" });
  let sure = false;
  /** Whether it may be closed; if not, says why. */
  const mayClose = () => {
    if (sure || dialog.querySelector("[data-copied]")) return true;
    sure = true;
    warning.textContent = t("once.sure");
    done.textContent = t("once.close");
    return false;
  };
  const done = h("button", { type: "button", class: "primary", onclick: () => mayClose() && dialog.close() }, t("done"));
  const { dialog, closed } = open(title, [...content, warning], [done]);
  dialog.addEventListener("cancel", (event) => mayClose() || event.preventDefault());
  return closed;
}

/** Shows an access key, once. */
export function showKey({ user_id: id, access_key: key }) {
  return show(t("key.title", { id }), [
    h("p", null, t("key.once")),
    handedOver(t("key.id"), id, false),
    handedOver(t("key.key"), key),
  ]);
}

/** Shows an invitation, once. */
export function showInvitation({ user_id: id, link, expires_at: until, qr_svg: qr }) {
  const picture = `data:image/svg+xml;base64,${btoa(qr)}`;
  return show(t("invite.title", { id }), [
    h("p", null, t("invite.text", { when: moment(until) })),
    h("img", { class: "qr", src: picture, alt: t("invite.qr", { id }), width: 256, height: 256 }),
    handedOver(t("invite.link"), link),
  ]);
}

/** A choice of how long an invitation is good for. */
export function hoursSelect() {
  return h("select", null, [24, 72, 168].map((hours) =>
    h("option", { value: hours, selected: hours === 72 }, t(`hours.${hours}`))));
}
