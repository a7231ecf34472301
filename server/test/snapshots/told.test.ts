import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { History } from "../../src/history/history.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import type { Journal } from "../../src/journal/journal.js";
import { Snapshots } from "../../src/open-snapshots.js";
import type { Log } from "../../src/rpc/log.js";
import { record, write } from "../journal/golden/record.js";

const history = { checkpoint: 0 } as unknown as History;

describe("what the log says of snapshots", () => {
  let directory: string;
  let journal: Journal;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "capstan-told-"));
    await write(record(21, 1_500), { directory });
    journal = await openFileJournal({ directory, writer: { kind: "inline" } });
  });

  afterEach(async () => {
    await journal.close();
    rmSync(directory, { recursive: true });
  });

  /** The first line of a keeper that makes a snapshot of what lies there, and its level. */
  async function firstLine(): Promise<readonly [level: string, line: string, error: unknown]> {
    const snapshots = await Snapshots.open(directory, journal);
    let keeper: ReturnType<Snapshots["keep"]> | undefined;
    const said = await new Promise<readonly [string, string, unknown]>((resolve) => {
      const level = (name: string) => (facts: object, line: string) => {
        resolve([name, line, "err" in facts ? facts.err : undefined]);
      };
      const log: Log = {
        debug: level("debug"),
        info: level("info"),
        warn: level("warn"),
        error: level("error"),
      };
      keeper = snapshots.keep(1, history, log);
      keeper.look();
    });
    await keeper?.close();
    snapshots.start.source.close();
    return said;
  }

  it("is that one was made", async () => {
    const [level, line] = await firstLine();
    assert.deepEqual([level, line], ["info", "made a snapshot"]);
  });

  it("is an error with the place where what it is made of has gone bad on the disk", async () => {
    const [first = ""] = readdirSync(directory).filter((name) => name.endsWith(".segment"));
    const path = join(directory, first);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const [level, line, error] = await firstLine();
    assert.equal(level, "error");
    assert.match(line, /is damaged: no snapshot is made/);
    assert.match(String(error), new RegExp(`DATA_LOSS.*${first}`));
  });
});
