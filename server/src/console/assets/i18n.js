// Words, numbers and times in the language of whoever looks. The language is the only thing that is remembered.

import en from "./text/en.js";
import ru from "./text/ru.js";

const TEXTS = { en, ru };
const REMEMBERED = "privmsg-console-language";

export const LANGUAGES = [["en", "English"], ["ru", "Русский"]];

let language = "en";
let formats;

function preferred() {
  try {
    const remembered = localStorage.getItem(REMEMBERED);
    if (TEXTS[remembered]) return remembered;
  } catch { /* Storage is switched off: the browser's language will do. */ }
  const known = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2)).find((tag) => TEXTS[tag]);
  return known ?? "en";
}

function use(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  // The reader's own country decides how dates are written, where the language leaves it open.
  const tag = navigator.languages?.find((candidate) => candidate.startsWith(chosen)) ?? chosen;
  formats = {
    tag,
    number: new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }),
    plural: new Intl.PluralRules(tag),
    moment: new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }),
    time: new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit" }),
    day: new Intl.DateTimeFormat(tag, { day: "numeric", month: "short" }),
    ago: new Intl.RelativeTimeFormat(tag, { numeric: "auto" }),
  };
}

use(preferred());

export const currentLanguage = () => language;

export function chooseLanguage(chosen) {
  use(chosen);
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch { /* Then it holds until the next reload. */ }
}

/** The text of this name, with `{values}` put in; of several forms the one that fits the number `n`. */
export function t(name, values = {}) {
  let text = TEXTS[language][name] ?? TEXTS.en[name] ?? name;
  if (typeof text === "object") text = text[formats.plural.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, value) =>
    typeof values[value] === "number" ? formats.number.format(values[value]) : values[value] ?? whole);
}

export const isKnown = (name) => name in TEXTS.en;

/** A text that the server says in several languages. */
export const inLanguage = (text) => typeof text === "string" ? text : text?.[language] ?? text?.en ?? "";

export const number = (value) => formats.number.format(value);

/** How many of the larger units fit into a count of bytes: 0 for bytes themselves. */
const unitOf = (count) => count < 1024 ? 0 : Math.min(4, Math.floor(Math.log(count) / Math.log(1024)));

/** The unit in which a count of bytes is said, in bytes. */
export const byteUnit = (count) => 1024 ** unitOf(count);

/** Bytes as people say them. */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = unitOf(count);
  const options = { style: "unit", unit: units[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(formats.tag, options).format(count / 1024 ** step);
}

export const moment = (seconds) => formats.moment.format(seconds * 1000);
export const time = (seconds) => formats.time.format(seconds * 1000);
export const day = (seconds) => formats.day.format(seconds * 1000);

/** "5 minutes ago", and further back the date. */
export function ago(seconds) {
  if (seconds === null || seconds === undefined) return t("never");
  const passed = Math.round(Date.now() / 1000 - seconds);
  if (passed < 60) return t("just-now");
  if (passed < 3600) return formats.ago.format(-Math.floor(passed / 60), "minute");
  if (passed < 86400) return formats.ago.format(-Math.floor(passed / 3600), "hour");
  if (passed < 7 * 86400) return formats.ago.format(-Math.floor(passed / 86400), "day");
  return day(seconds);
}

/** What went wrong, as a sentence. */
export function explain(error) {
  const name = `error.${error.code}`;
  if (error.code === "rate_limited") {
    const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 1000) / 1000));
    return t("error.rate_limited", { n: seconds });
  }
  return isKnown(name) ? t(name) : t("error.other", { detail: error.detail || error.message });
}
