// Making elements. Whatever comes from outside goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An HTML element; attributes that begin with `on` are listeners. */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

const ICONS = {
  pass: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm3.6 5.2-4.3 4.3a.9.9 0 0 1-1.3 0L4.3 8.8l1.2-1.2 1.2 1.1 3.7-3.7z",
  warn: "M8 1.2 15.5 14.5H.5zM7.2 6v4h1.6V6zm0 5v1.6h1.6V11z",
  fail: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM5.6 4.5 8 6.9l2.4-2.4 1.1 1.1L9.1 8l2.4 2.4-1.1 1.1L8 9.1l-2.4 2.4-1.1-1.1L6.9 8 4.5 5.6z",
  mark: "M3 1.5h10a2 2 0 0 1 2 2V10a2 2 0 0 1-2 2H7.5L4 15v-3H3a2 2 0 0 1-2-2V3.5a2 2 0 0 1 2-2z",
};

/** A small picture that says nothing that is not also said in words. */
export function icon(name) {
  return svg("svg", { class: `icon ${name}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: ICONS[name], "fill-rule": "evenodd" }));
}

let serial = 0;

/** A label, its field, and what is to be known about it. */
export function field(label, input, hint) {
  input.id = `field-${++serial}`;
  const describes = hint && h("p", { class: "hint", id: `${input.id}-hint` }, hint);
  if (describes) input.setAttribute("aria-describedby", describes.id);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, describes);
}

/** A radio button or checkbox with its label behind it. */
export function choice(input, label) {
  return h("label", { class: "choice" }, input, h("span", null, label));
}

/** A table; on narrow screens each row is a block of lines. `rows` are lists of cells; many of them may `scroll`. */
export function table(caption, heads, rows, scroll = false) {
  // The roles are said, for browsers forget them where a narrow screen lays rows out as blocks.
  const cell = (content, index) => index === 0
    ? h("th", { scope: "row", role: "rowheader" }, content)
    : h("td", { role: "cell", "data-label": heads[index] }, content);
  // What scrolls can be reached by keyboard, to be scrolled with it.
  const region = scroll && { tabindex: 0, role: "region", "aria-label": caption };
  return h("div", { class: "table", ...region },
    h("table", { role: "table" },
      h("caption", { class: "unseen" }, caption),
      h("thead", { role: "rowgroup" },
        h("tr", { role: "row" }, heads.map((head) => h("th", { scope: "col", role: "columnheader" }, head)))),
      h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map(cell))))));
}

/** Runs what a button asks for; it cannot be asked for twice at once. */
export async function busy(button, action) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

let status;
let fading;

/** The place where results are said, to eyes and to screen readers. */
export function statusRegion() {
  status ??= h("div", { class: "status", role: "status", "aria-live": "polite" });
  return status;
}

/** Says what has happened. Inside an open dialog, for what lies behind it is not read out. */
export function announce(text) {
  const region = statusRegion();
  (document.querySelector("dialog[open]") ?? document.body).append(region);
  clearTimeout(fading);
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
  fading = setTimeout(() => { region.textContent = ""; }, 6000);
}

/** Copies a text; where the browser does not allow that, selects it so that a key press does. */
export async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
