import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { queries } from "../../src/core/index.js";
import { systemClock } from "../../src/engine/clock.js";
import { MasterEngine } from "../../src/engine/engine.js";
import { HistoryLink } from "../../src/engine/history-link.js";
import { systemDraw } from "../../src/engine/random.js";
import { type HistoryNews, openHistory } from "../../src/history/open-history.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { Opened } from "../../src/opened.js";
import { TestClock } from "../rpc/session/support/test-clock.js";
import { InProcessWorker, submit } from "./in-process-worker.js";

describe("a master whose history is lost, and whose journal was cut", function () {
  this.timeout(20_000);
  let directory: string;
  let opened: Opened;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "capstan-lost-"));
    opened = new Opened();
  });

  afterEach(async () => {
    await opened.close();
    rmSync(directory, { recursive: true });
  });

  it("keeps the jobs that nobody else has any more, and lets go of those that came later", async () => {
    const journal = await openFileJournal({ directory, segmentBytes: 16 * 1_024 });
    const engine = await MasterEngine.open({
      ...{ journal, clock: systemClock, draw: systemDraw(), settings: { retireAfterMs: 0 } },
      onFatal: (error) => {
        throw error;
      },
    });
    opened.add(() => engine.close());
    const early = [await submit(engine, "early", 3)];
    while (journal.closed.length < 2) early.push(await submit(engine, "early", 1, 2_000));
    await journal.truncate((journal.closed.at(-1) ?? 0) + 1);
    const news: HistoryNews[] = [];
    const history = await openHistory({
      journal,
      nextStage: await engine.read((state) => state.stages.count),
      file: { path: join(directory, "history.db"), directory },
      syncIntervalMs: 0,
      onNews: (one) => news.push(one),
    });
    opened.add(() => history.close());
    assert.deepEqual(
      news.map(({ kind }) => kind),
      ["lost"],
    );
    const clock = new TestClock();
    const link = new HistoryLink(engine, history, clock, () => undefined);
    opened.add(() => {
      link.stop();
    });
    const late = await submit(engine, "late", 1);
    const worker = new InProcessWorker(engine, 1);
    await worker.register(100);
    await worker.settled(early.length + 3);
    const stateOf = (id: string) =>
      engine.read((state) => queries.getJob(state, "default", id)?.state);
    while ((await stateOf(late)) !== undefined) await clock.advance(1_000);
    assert.equal((await history.job("default", late))?.state, "succeeded");
    // The last one may lie in the entries that are left.
    for (const id of early.slice(0, -1)) {
      assert.equal(await history.job("default", id), undefined);
      assert.equal(await stateOf(id), "succeeded");
    }
    assert([early.length - 1, early.length].includes(history.firstJob), String(history.firstJob));
  });
});
