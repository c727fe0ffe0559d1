// A resumable upload with the client of the tus project, driven line by line by tests/blackbox/tests/blackbox/tus.rs.
//
// Reads one line of JSON: {endpoint, token, file, chunk, mode}. Says what happens as lines of JSON:
//   {"event": "paused" | "halfway"} on the way, then {"event": "done", "url", "file_id"} or {"event": "ended"}.
// Modes: "whole"      all in one request, created together with its first bytes
//        "resume"     in chunks; pauses at a quarter; says when half is there, and outlives a server that is gone for a while
//        "terminate"  gives up at a quarter and deletes what is there

import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import * as tus from "tus-js-client";

const PAUSE_MS = 300;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const task = JSON.parse((await lines.next()).value);
const size = statSync(task.file).size;

let paused = false;
let halfway = false;

const upload = new tus.Upload(createReadStream(task.file), {
  endpoint: task.endpoint,
  uploadSize: size,
  chunkSize: task.mode === "whole" ? size : task.chunk,
  uploadDataDuringCreation: task.mode === "whole",
  headers: { Authorization: `Bearer ${task.token}` },
  // The server must neither need these nor keep them.
  metadata: { filename: "tax return 2026.pdf", filetype: "application/pdf" },
  retryDelays: [100, 200, 400, 800, 1600, 3200, 3200, 3200],
  onChunkComplete: async (_chunk, accepted) => {
    if (!paused && task.mode !== "whole" && accepted >= size / 4) {
      paused = true;
      await upload.abort(task.mode === "terminate");
      if (task.mode === "terminate") {
        say({ event: "ended", url: upload.url });
        process.exit(0);
      }
      say({ event: "paused" });
      setTimeout(() => resume(upload.url), PAUSE_MS);
    } else if (!halfway && task.mode !== "whole" && accepted >= size / 2) {
      halfway = true;
      say({ event: "halfway" });
    }
  },
  onError: (error) => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  },
  onSuccess: ({ lastResponse }) => {
    say({ event: "done", url: upload.url, file_id: lastResponse.getHeader("X-PrivMsg-File-Id") });
    process.exit(0);
  },
});

/** Goes on as another process would: with nothing but the address of the upload, and the file. */
function resume(url) {
  const again = new tus.Upload(createReadStream(task.file), { ...upload.options, uploadUrl: url, endpoint: undefined });
  upload.url = url;
  again.start();
}

upload.start();
