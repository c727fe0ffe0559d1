// How a page's elements are found: by what a person sees or hears. Put in front of each expression that is asked for.

const tidy = (text) => (text ?? "").replace(/\s+/g, " ").trim();
const all = (selector, within = document) => [...within.querySelectorAll(selector)].filter((element) => element.checkVisibility());
const css = (selector, nth = 0) => all(selector)[nth];
const nameOf = (element) => tidy(element.ariaLabel || element.labels?.[0]?.textContent || element.textContent);
const named = (selector, name, within) => all(selector, within).find((element) => nameOf(element) === name);
const saying = (selector, text) => all(selector).find((element) => tidy(element.textContent).includes(text));

const button = (name) => named("button", name);
const link = (name) => named("a[href]", name);
const section = (name) => named("nav a[href]", name);
const title = (name) => named("h1", name);
const heading = (text) => saying("h1, h2, h3", text);
const alerted = (text) => saying("[role=alert]", text);
const said = (text) => saying("[role=status]", text);
const row = (...texts) => all("tr").find((element) => texts.every((text) => element.textContent.includes(text)));
/** In the open dialog only, whose button may be named as the one that has opened it. */
const inDialog = (name) => named("button", name, document.querySelector("dialog[open]"));
/** The field with this label, or with one that begins so. */
const field = (name) => [...document.querySelectorAll("input, select")].find((element) => nameOf(element).startsWith(name));
/** The innermost element with this text. */
const text = (wanted) => all("body *").findLast((element) => tidy(element.textContent).includes(wanted));
const still = () => document.getAnimations().every((animation) => animation.playState === "finished");
const focused = () => document.activeElement;
