// A headless Chromium as the tests want it: the system's own, quiet, and talking to nobody by itself.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium. A missing browser is a failure that says what to do, never a test passed over. */
export async function launch(more = []) {
  const executablePath = process.env.PRIVMSG_CHROMIUM || "/usr/bin/chromium";
  if (!existsSync(executablePath)) {
    throw new Error(`no Chromium at ${executablePath}: run scripts/setup.sh test, or name one in PRIVMSG_CHROMIUM`);
  }
  return chromium.launch({ executablePath, args: [...ARGUMENTS, ...more] });
}
