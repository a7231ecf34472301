/**
 * A process that opens a journal, for tests of what happens when it dies.
 * Arguments: the directory, and `hold` or `append`. It reports over its IPC channel.
 */
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { JournalError } from "../../src/journal/journal-error.js";

const [, , directory = "", mode = "hold"] = process.argv;

function report(message: object): Promise<void> {
  return new Promise((sent) => process.send?.(message, () => sent()));
}

try {
  const journal = await openFileJournal({ directory, segmentBytes: 64 * 1024 });
  await report({ kind: "opened", pid: process.pid });
  if (mode === "append") {
    await journal.claim();
    for (let entry = 0; ; entry++) {
      const body = Buffer.alloc(200 + (entry % 5_000), entry % 256);
      const outcome = await journal.append(new Uint8Array(body));
      if (outcome.kind === "durable") await report({ kind: "acknowledged", index: outcome.index });
    }
  }
} catch (error) {
  const kind = error instanceof JournalError ? error.kind : "other";
  await report({ kind: "refused", error: kind, message: String(error) });
  process.disconnect();
}
