// The door. The form is one that password managers know.

import { signIn } from "../api.js";
import { busy, field, h } from "../dom.js";
import { explain, t } from "../i18n.js";

/** Keys may be typed or sent in the clear over HTTP; on the same machine nobody is on the way. */
const isExposed = () => !isSecureContext;

/** @param options.notice why one is here again; `typed` what was in the field before; `entered` is called inside */
export function signInView({ notice, typed = "", entered }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const input = h("input", {
    type: "password", name: "password", autocomplete: "current-password", required: true, spellcheck: "false",
    autocapitalize: "off", value: typed,
  });
  const name = h("input", { type: "text", name: "username", autocomplete: "username", value: "admin", readonly: true, hidden: true });
  const button = h("button", { class: "primary" }, t("sign-in"));
  const refuse = (text) => {
    problem.textContent = text;
    input.setAttribute("aria-invalid", "true");
    input.focus();
    input.select();
  };
  const submit = (event) => {
    event.preventDefault();
    const key = input.value.trim();
    if (!key) return refuse(t("sign-in.empty"));
    busy(button, async () => {
      problem.textContent = "";
      try {
        await signIn(key);
        input.value = "";
        entered();
      } catch (error) {
        refuse(explain(error));
      }
    });
  };
  return h("section", { class: "card door" },
    h("h1", { tabindex: "-1" }, t("sign-in.title")),
    notice && h("p", { class: "notice", role: "status" }, notice),
    isExposed() && h("p", { class: "notice warn" }, t("sign-in.plain")),
    h("form", { novalidate: true, onsubmit: submit },
      name, field(t("sign-in.key"), input, t("sign-in.hint")), problem, h("div", { class: "buttons" }, button)));
}
