// The frame: who is signed in, which section is shown, in which language.

import { isSignedIn, signOut } from "./api.js";
import { closeAll } from "./dialogs.js";
import { announce, h, icon, statusRegion } from "./dom.js";
import { LANGUAGES, chooseLanguage, currentLanguage, explain, t } from "./i18n.js";
import { watchIdle } from "./idle.js";
import { audit } from "./views/audit.js";
import { health } from "./views/health.js";
import { overview } from "./views/overview.js";
import { signInView } from "./views/sign-in.js";
import { user } from "./views/user.js";
import { users } from "./views/users.js";

const SECTIONS = { overview, users, audit, health };

const main = h("main", { id: "content", tabindex: "-1" });
const header = h("header");
const skip = h("a", { class: "skip", href: "#content" });
let showing = new AbortController();
let stopIdle = () => {};
let notice = null;

/** The section that the address names, and what is behind it. */
function place() {
  const [section, argument] = location.hash.replace(/^#\/?/, "").split("/");
  return { section: SECTIONS[section] ? section : "overview", argument: argument && decoded(argument) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function go(address) {
  if (location.hash === address) show();
  else location.hash = address;
}

/** Ends the session in this page. */
function leave(why) {
  signOut();
  stopIdle();
  closeAll();
  notice = why;
  show();
}

function enter() {
  notice = null;
  stopIdle = watchIdle(() => leave(t("sign-in.idle")));
  show();
}

function frame() {
  document.title = t("title");
  skip.textContent = t("skip");
  const language = h("select", { "aria-label": t("language"), onchange: (event) => changeLanguage(event.target.value) },
    LANGUAGES.map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === currentLanguage() }, name)));
  const { section } = place();
  const link = (name) =>
    h("a", { href: `#/${name}`, "aria-current": name === section && "page", onclick: () => name === section && location.hash === `#/${name}` && show() }, t(name));
  header.replaceChildren(
    // Which server it is: whoever looks after two has both open.
    h("p", { class: "brand" }, icon("mark"), "PrivMsg", h("span", { class: "host", translate: "no" }, location.host)),
    isSignedIn() ? h("nav", { "aria-label": t("sections") }, Object.keys(SECTIONS).map(link)) : "",
    h("div", { class: "session" }, language,
      isSignedIn() ? h("button", { type: "button", class: "quiet", onclick: () => leave(t("sign-in.bye")) }, t("sign-out")) : ""));
}

function changeLanguage(tag) {
  const typed = main.querySelector("input[type=password]")?.value;
  chooseLanguage(tag);
  show({ typed }).then(() => header.querySelector("select").focus());
}

/** Shows where we are. The focus goes to its heading, as it would on a new page. */
async function show({ typed, said } = {}) {
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  frame();
  if (!isSignedIn()) {
    main.replaceChildren(signInView({ notice, typed, entered: enter }));
    main.querySelector("input[type=password]").focus();
    return;
  }
  const { section, argument } = place();
  const view = section === "users" && argument ? user : SECTIONS[section];
  main.setAttribute("aria-busy", "true");
  try {
    const content = await view({ signal, argument, go, reload: (text) => show({ said: text }) });
    if (signal.aborted) return;
    main.replaceChildren(...content.filter(Boolean));
    if (said) announce(said);
  } catch (error) {
    if (signal.aborted) return;
    if (error.code === "admin_key_invalid") return leave(t("sign-in.refused"));
    main.replaceChildren(failure(error));
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
  const heading = main.querySelector("h1");
  document.title = `${heading.textContent} · ${location.host} · ${t("title")}`;
  if (!document.querySelector("dialog[open]")) heading.focus();
}

function failure(error) {
  const { section, argument } = place();
  return h("section", { class: "card" },
    argument && h("p", null, h("a", { href: `#/${section}` }, `← ${t(section)}`)),
    h("h1", { tabindex: "-1" }, t("error.title")),
    h("p", null, explain(error)),
    h("div", { class: "buttons start" }, h("button", { type: "button", class: "primary", onclick: () => show() }, t("retry"))));
}

skip.addEventListener("click", (event) => {
  // The address names a section; a jump within the page must not change it.
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => show());
document.body.replaceChildren(skip, header, main, statusRegion());
show();
