import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMaster } from "../../src/main.js";
import { goldenFolder } from "../journal/golden/folder.js";
import { journalName } from "../journal/golden/golden-journal.js";
import { snapshotFolder } from "../journal/golden/golden-snapshot.js";

describe("a master that was closed", function () {
  this.timeout(30_000);
  let directory: string;

  before(function () {
    // Only there a process can look at what it has open.
    if (process.platform !== "linux") this.skip();
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "capstan-closed-"));
    cpSync(join(goldenFolder, journalName), directory, { recursive: true });
    cpSync(snapshotFolder, directory, { recursive: true });
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** Files of the folder that this process has open. */
  function openFiles(): string[] {
    return readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        const path = readlinkSync(`/proc/self/fd/${fd}`);
        return path.startsWith(directory) ? [path] : [];
      } catch {
        // It was open to look at the folder itself.
        return [];
      }
    });
  }

  it("has none of its files open any more, its snapshot included", async () => {
    const master = await startMaster({
      address: "127.0.0.1:0",
      journal: { kind: "file", directory },
    });
    assert(openFiles().some((path) => path.endsWith(".snapshot")));
    await master.close();
    assert.deepEqual(openFiles(), []);
  });
});
