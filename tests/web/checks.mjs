// What holds for every page, looked at again and again.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What Chromium says about every refusal of an API; the page deals with these itself. */
const REFUSAL = /^Failed to load resource: the server responded with a status of 4\d\d/;

/** Notes whatever a page must not do: talk to another host, break its own policy, complain. */
export class Watch {
  #origin;
  #complaints = [];
  requests = [];

  constructor(base) {
    this.#origin = new URL(base).origin;
  }

  async page(context) {
    const page = await context.newPage();
    page.on("request", (request) => this.#request(request));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !REFUSAL.test(message.text())) this.#complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.#complaints.push(String(error)));
    return page;
  }

  #request(request) {
    const url = new URL(request.url());
    this.requests.push(request.url());
    if (url.protocol !== "data:" && url.origin !== this.#origin) this.#complaints.push(`a request to ${url.origin}`);
  }

  /** @param secrets what must not stand in any address */
  isClean(secrets) {
    assert.deepEqual(this.#complaints, []);
    for (const secret of secrets) {
      assert.ok(!this.requests.some((address) => address.includes(secret)), "a secret in an address");
    }
  }
}

/** No violation of the rules that axe knows (WCAG 2.2 A and AA, and good practice), contrast among them. */
export async function isAccessible(page, what) {
  if (!await page.evaluate(() => "axe" in globalThis)) await page.evaluate(AXE);
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState === "finished"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  assert.deepEqual(told, [], what);
}

/** Nothing sticks out to the side. */
export async function fits(page, what) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${what}: ${content} wide in ${window}`);
}

/** Where the keyboard is can be seen. */
export async function showsFocus(page) {
  const seen = await page.evaluate(() => {
    const focused = document.activeElement;
    // A radio button in the look of a switch shows it on its label.
    const shown = [focused, focused.nextElementSibling].filter(Boolean).map((element) => getComputedStyle(element));
    return shown.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
  });
  assert.ok(seen, `no visible focus on ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))}`);
}
