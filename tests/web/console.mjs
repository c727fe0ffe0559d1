// The web console in a real browser: node console.mjs <server> <admin key> [folder for screenshots] [part of a step's name]
//
// Started by tests/blackbox. Prints what it has seen, and ends with 1 at the first thing that is not so. Every step has a
// page of its own; the later ones look at users that the earlier ones have made.

import assert from "node:assert/strict";
import jsQR from "jsqr";
import { launch } from "./browser.mjs";
import { Watch, fits, isAccessible, showsFocus } from "./checks.mjs";
import { DOCTOR, history } from "./console-figures.mjs";

const [server, adminKey, shots, only = ""] = process.argv.slice(2);
const base = `${server}/admin/`;
const watch = new Watch(base);
const secrets = [adminKey];
const browser = await launch();

/** The size of a screenshot in the documentation. */
const SHOT = { width: 1000, height: 700 };

async function open({ width = 1180, height = 800, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: "en-GB", ...options });
  context.setDefaultTimeout(15_000);
  const page = await watch.page(context);
  await page.goto(base);
  await page.waitForSelector("input[type=password]");
  return page;
}

const heading = (page, text) => page.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const said = (page, text) => page.getByRole("status").filter({ hasText: text }).first().waitFor();

async function signIn(page, title = "Overview") {
  await page.locator("input[type=password]").fill(adminKey);
  await page.keyboard.press("Enter");
  await heading(page, title);
}

async function section(page, name) {
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await heading(page, name);
}

async function openUser(page, id) {
  await section(page, "Users");
  await page.getByRole("link", { name: id, exact: true }).click();
  await heading(page, id);
}

/** The API as somebody else sees it. */
async function call(method, path, { body, token } = {}) {
  const headers = { "Content-Type": "application/json", ...token && { Authorization: `Bearer ${token}` } };
  const answer = await fetch(`${server}/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, ...await answer.json().catch(() => ({})) };
}

const logIn = (user, key, name = "Phone") => call("POST", "auth/login",
  { body: { user_id: user, access_key: key, device_name: name, device_type: "android" } });

async function shoot(page, name) {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState === "finished"));
  if (shots) await page.screenshot({ path: `${shots}/console-${name}.png` });
}

const steps = {
  async "a wrong key is refused, and the field says so"() {
    const page = await open();
    await isAccessible(page, "sign-in");
    await button(page, "Sign in").click();
    await page.getByRole("alert").filter({ hasText: "Enter the admin key." }).waitFor();
    await page.locator("input[type=password]").fill("not the key");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "The admin key is wrong." }).waitFor();
    const input = page.locator("input[type=password]");
    assert.equal(await input.getAttribute("aria-invalid"), "true");
    assert.ok(await input.evaluate((element) => element === document.activeElement));
    assert.equal(await input.getAttribute("autocomplete"), "current-password");
    await page.context().close();
  },

  async "the key stays in memory: a reload signs out, and nothing is stored"() {
    const page = await open();
    await signIn(page);
    assert.deepEqual(await page.context().cookies(), []);
    assert.deepEqual(await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage)]), [[], []]);
    assert.ok(!page.url().includes(adminKey));
    await page.reload();
    await page.waitForSelector("input[type=password]");
    await signIn(page);
    await button(page, "Sign out").click();
    await said(page, "You are signed out.");
    await page.context().close();
  },

  async "a quarter of an hour without activity signs out"() {
    const page = await open();
    await page.clock.install();
    await signIn(page);
    await page.clock.fastForward("14:00");
    await page.mouse.move(100, 100);
    await page.clock.fastForward("14:00");
    await heading(page, "Overview");
    await page.clock.fastForward("01:30");
    await said(page, "You were signed out after 15 minutes");
    await page.context().close();
  },

  async "a user with a chosen id; the key is shown once and works"() {
    const page = await open();
    await signIn(page);
    await section(page, "Users");
    await button(page, "New user").click();
    await page.getByLabel("User ID").fill("not/an id");
    await button(page, "Create user").click();
    await page.getByRole("alert").filter({ hasText: "1 to 64 letters" }).waitFor();
    await page.getByLabel("User ID").fill("dora");
    await page.getByLabel("An access key").check();
    await button(page, "Create user").click();
    await page.getByRole("heading", { name: "Access key of dora" }).waitFor();
    await isAccessible(page, "access key");
    const key = await page.locator("dialog code.secret").nth(1).textContent();
    secrets.push(key);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await button(page, "Copy: Access key").click();
    await said(page, "Copied");
    await button(page, "Done").click();
    await heading(page, "dora");
    assert.ok(!(await page.content()).includes(key), "the key is still in the page");
    assert.equal((await logIn("dora", key)).status, 200);

    await section(page, "Users");
    await button(page, "New user").click();
    await page.getByLabel("User ID").fill("dora");
    await button(page, "Create user").click();
    await page.getByRole("alert").filter({ hasText: "A user with this ID exists already." }).waitFor();
    await button(page, "Cancel").click();
    assert.ok(await button(page, "New user").evaluate((element) => element === document.activeElement), "focus is given back");
    await page.context().close();
  },

  async "an invitation: the picture says the link, and the link works once"() {
    const page = await open(SHOT);
    await signIn(page);
    await section(page, "Users");
    await button(page, "New user").click();
    await page.getByLabel("User ID").fill("erin");
    await isAccessible(page, "new user");
    await button(page, "Create user").click();
    await page.getByRole("heading", { name: "Invitation for erin" }).waitFor();
    await isAccessible(page, "invitation");
    await shoot(page, "invitation");
    const link = await page.locator("dialog code.secret").textContent();
    const read = await page.locator("img.qr").evaluate(async (image) => {
      await image.decode();
      const canvas = Object.assign(document.createElement("canvas"), { width: 512, height: 512 });
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0, 512, 512);
      return [...context.getImageData(0, 0, 512, 512).data];
    });
    assert.equal(jsQR(Uint8ClampedArray.from(read), 512, 512)?.data, link);
    const [, query, key] = link.match(/^privmsg:\/\/join\?([^#]+)#(.+)$/);
    secrets.push(key);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(query)), { server, user_id: "erin" });

    const redeem = () => call("POST", "auth/redeem", { body: { user_id: "erin", invitation_key: key } });
    const { access_key: accessKey } = await redeem();
    assert.equal((await logIn("erin", accessKey)).status, 200);
    assert.equal((await redeem()).code, "invalid_credentials");
    await button(page, "Done").click();
    await heading(page, "erin");

    await button(page, "New invitation").click();
    await button(page, "Make an invitation").click();
    await button(page, "Done").click();
    await page.getByText("An invitation is open until").waitFor();
    await button(page, "Withdraw").click();
    await page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
    await page.getByText("There is no open invitation.").waitFor();
    await page.context().close();
  },

  async "devices are listed and signed out; deactivation, a new key and deletion do what they say"() {
    const page = await open();
    const { access_key: first } = await call("POST", "admin/users", { token: adminKey, body: { user_id: "frank" } });
    const { token } = await logIn("frank", first, "Frank’s phone");
    await signIn(page);
    await openUser(page, "frank");
    await isAccessible(page, "user");
    await button(page, "Sign out Frank’s phone").click();
    await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
    await page.getByText("Not signed in on any device.").waitFor();
    assert.equal((await call("GET", "users/me", { token })).status, 401);

    await button(page, "Deactivate").click();
    await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
    await button(page, "Reactivate").waitFor();
    await page.locator(".chip.inactive").waitFor();
    assert.notEqual((await logIn("frank", first)).status, 200);
    await button(page, "Reactivate").click();
    await page.getByRole("dialog").getByRole("button", { name: "Reactivate" }).click();
    await button(page, "Deactivate").waitFor();
    assert.equal((await logIn("frank", first)).status, 200);

    await button(page, "New access key").click();
    await page.getByLabel("Sign out all devices as well").check();
    await button(page, "Make a new key").click();
    const second = await page.locator("dialog code.secret").nth(1).textContent();
    secrets.push(first, second);
    await button(page, "Done").click();
    await page.getByText("Not signed in on any device.").waitFor();
    assert.notEqual((await logIn("frank", first)).status, 200);
    assert.equal((await logIn("frank", second)).status, 200);

    await button(page, "Delete user").click();
    await page.getByLabel("Type frank to confirm").fill("Frank");
    await page.getByRole("dialog").getByRole("button", { name: "Delete user" }).click();
    await page.getByRole("alert").filter({ hasText: "That is not the user’s ID." }).waitFor();
    assert.equal((await logIn("frank", second)).status, 200);
    await page.getByLabel("Type frank to confirm").fill("frank");
    await isAccessible(page, "delete");
    await page.keyboard.press("Enter");
    await heading(page, "Users");
    assert.equal(await page.getByRole("link", { name: "frank", exact: true }).count(), 0);
    assert.equal((await call("GET", "admin/users/frank", { token: adminKey })).code, "unknown_user");
    await page.context().close();
  },

  async "everything goes with the keyboard alone"() {
    const page = await open();
    const press = async (key) => { await page.keyboard.press(key); await showsFocus(page); };
    /** Tabs on until the focus is there. */
    const tabTo = async (name, key = "Tab") => {
      for (let count = 0; count < 30; count += 1) {
        await press(key);
        const focused = await page.evaluate(() => {
          const { ariaLabel, labels, textContent } = document.activeElement;
          return ariaLabel ?? labels?.[0]?.textContent ?? textContent;
        });
        if (focused === name) return;
      }
      assert.fail(`Tab does not lead to “${name}”`);
    };
    await tabTo("Skip to content", "Shift+Tab");
    await page.keyboard.press("Enter");
    await tabTo("Admin key");
    await page.keyboard.type(adminKey);
    await page.keyboard.press("Enter");
    await heading(page, "Overview");
    await tabTo("Users", "Shift+Tab");
    await page.keyboard.press("Enter");
    await heading(page, "Users");
    assert.equal(await page.evaluate(() => document.activeElement.localName), "h1", "the focus is on what is new");
    await tabTo("New user");
    await page.keyboard.press("Enter");
    await page.getByLabel("User ID").waitFor();
    await page.keyboard.type("grace");
    await tabTo("An invitation: link and QR code, for one use");
    await press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Access key of grace" }).waitFor();
    await tabTo("Done");
    await page.keyboard.press("Enter");
    await heading(page, "grace");
    await tabTo("Deactivate");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Deactivate", "Escape gives the focus back");
    await page.context().close();
  },

  async "charts are drawn, and told as sentences and tables"() {
    const page = await open(SHOT);
    await signIn(page);
    await page.locator(".chart .summary").first().waitFor();
    assert.equal(await page.locator(".chart svg[role=img]").count(), 3);
    assert.match(await page.locator(".chart .summary").first().textContent(), /^Now \d+, at most \d+/, "the real figures");

    await page.route("**/admin/stats/history?*", (route) => route.fulfill({ json: history(new URL(route.request().url())) }));
    await page.getByText("Week", { exact: true }).click();
    await page.getByRole("heading", { name: "Messages per 6 hours" }).waitFor();
    await page.locator(".chart .bar").nth(20).waitFor();
    const lines = await page.locator(".chart path.line").evaluateAll((paths) => paths.map((path) => path.getTotalLength()));
    assert.ok(lines.length === 4 && lines.every((length) => length > 100), `two charts with a gap each: ${lines}`);
    assert.match(await page.locator(".chart svg").nth(1).getAttribute("aria-label"), /Messages per 6 hours\. [\d,]+ in all/);
    await page.locator(".chart summary").first().click();
    await page.locator(".chart details").first().locator("tbody tr").nth(20).waitFor();
    await isAccessible(page, "overview with a table");
    await page.locator(".chart summary").first().click();
    await page.locator(".chart svg").first().hover();
    assert.match(await page.locator(".chart .summary").first().textContent(), /2026|2027|20\d\d.*: \d+$/);
    await page.getByText("Day", { exact: true }).click();
    await page.getByRole("heading", { name: "Messages per hour" }).waitFor();
    await page.mouse.move(600, 5);
    await shoot(page, "overview");
    await page.context().close();
  },

  async "the audit log says what the console has done"() {
    const page = await open();
    await signIn(page);
    await section(page, "Audit log");
    const row = page.getByRole("row").filter({ hasText: "User deleted" }).filter({ hasText: "frank" });
    assert.match(await row.first().textContent(), /Console/);
    await page.getByRole("row").filter({ hasText: "Invitation used" }).filter({ hasText: "erin" }).waitFor();
    await page.getByRole("row").filter({ hasText: "Wrong admin key" }).first().waitFor();
    await isAccessible(page, "audit");
    await page.context().close();
  },

  async "health is what the server finds, and what is wrong comes first"() {
    const page = await open();
    await signIn(page);
    await section(page, "Health");
    const { checks } = await call("GET", "admin/doctor", { token: adminKey });
    assert.ok(checks.length > 0);
    assert.equal(await page.locator(".checks li").count(), checks.length);
    await isAccessible(page, "health");
    await page.route("**/admin/doctor", (route) => route.fulfill({ json: DOCTOR }));
    await button(page, "Check again").click();
    await said(page, "Checked again.");
    assert.deepEqual(await page.locator(".checks li").evaluateAll((items) => items.map((item) => item.className)),
      ["fail", "warn", "pass"]);
    await page.getByText("Failed: No relay answers.").waitFor();
    await isAccessible(page, "health with faults");
    await page.context().close();
  },

  async "in Russian, with its plural forms, and only the language is remembered"() {
    const page = await open({ locale: "ru-RU", ...SHOT });
    assert.equal(await page.evaluate(() => document.documentElement.lang), "ru");
    await page.route("**/admin/stats/history?*", (route) => route.fulfill({ json: history(new URL(route.request().url())) }));
    await signIn(page, "Обзор");
    await shoot(page, "ru");
    await page.route("**/admin/users", (route) => route.fulfill({ json: { users: people(22) } }));
    await section(page, "Пользователи");
    await page.getByText("22 пользователя").waitFor();
    await page.getByLabel("Поиск по ID или имени").fill("user1");
    await page.getByText("Найдено 11 из 22").waitFor();
    await page.unroute("**/admin/users");
    await page.getByLabel("Язык").selectOption("en");
    await heading(page, "Users");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), { "privmsg-console-language": "en" });
    await page.reload();
    await button(page, "Sign in").waitFor();
    await page.context().close();
  },

  async "both languages say everything, with the same values put in"() {
    const page = await open();
    const { en, ru } = await page.evaluate(async () => {
      const [english, russian] = await Promise.all(["en", "ru"].map((tag) => import(new URL(`text/${tag}.js`, document.baseURI))));
      return { en: english.default, ru: russian.default };
    });
    assert.deepEqual(Object.keys(ru), Object.keys(en));
    const values = (text) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g))].sort();
    for (const [name, text] of Object.entries(en)) {
      assert.deepEqual(values(ru[name]), values(text), name);
      if (typeof text === "string") assert.equal(typeof ru[name], "string", name);
      else assert.deepEqual([Object.keys(text), Object.keys(ru[name])], [["one", "other"], ["one", "few", "many", "other"]], name);
    }
    await page.context().close();
  },

  async "dark and light, wide and narrow, large text, no motion where none is wanted"() {
    for (const look of [
      { colorScheme: "dark", ...SHOT }, { colorScheme: "light", width: 360 }, { colorScheme: "dark", width: 360 },
    ]) {
      const page = await open({ ...look, locale: "ru-RU", reducedMotion: "reduce" });
      const name = `${look.colorScheme}, ${look.width} px`;
      await isAccessible(page, name);
      await page.route("**/admin/stats/history?*", (route) => route.fulfill({ json: history(new URL(route.request().url())) }));
      await page.route("**/admin/doctor", (route) => route.fulfill({ json: DOCTOR }));
      await signIn(page, "Обзор");
      await shoot(page, look.width === 360 ? `${look.colorScheme}-narrow` : look.colorScheme);
      for (const address of ["#/overview", "#/users", "#/users/dora", "#/audit", "#/health"]) {
        await page.evaluate((hash) => { location.hash = hash; }, address);
        await page.waitForFunction(() => !document.querySelector("main").ariaBusy);
        await fits(page, `${name} ${address}`);
        await isAccessible(page, `${name} ${address}`);
        await page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
        await fits(page, `${name} ${address} at 200 %`);
        await page.evaluate(() => { document.documentElement.style.fontSize = ""; });
      }
      await page.evaluate(() => { location.hash = "#/users"; });
      await button(page, "Новый пользователь").click();
      assert.equal(await page.locator("dialog").evaluate((dialog) => getComputedStyle(dialog).animationName), "none");
      await fits(page, `${name} dialog`);
      await isAccessible(page, `${name} dialog`);
      await page.context().close();
    }
  },

  async "nobody else was talked to, and nothing was complained about"() {
    watch.isClean(secrets);
    assert.ok(watch.requests.length > 100);
  },
};

const people = (count) => Array.from({ length: count }, (_, index) => ({
  user_id: `user${index}`, display_name: null, active: true, online: false, devices: 0, created_at: 0, last_seen_at: null,
  stored_bytes: 0, pending_messages: 0,
}));

let done = 0;
try {
  for (const [name, step] of Object.entries(steps).filter(([known]) => known.includes(only))) {
    process.stdout.write(`${name} … `);
    await step();
    process.stdout.write("ok\n");
    done += 1;
  }
} catch (error) {
  process.stdout.write(`FAILED\n${error.stack}\n`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdout.write(`${done} of ${Object.keys(steps).length} steps\n`);
}
