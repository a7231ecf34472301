import assert from "node:assert/strict";
import type { Settings } from "../../../src/core/index.js";
import { queries } from "../../../src/core/index.js";
import { MasterEngine } from "../../../src/engine/engine.js";
import { HistoryLink } from "../../../src/engine/history-link.js";
import { systemDraw } from "../../../src/engine/random.js";
import type { History, Retention } from "../../../src/history/history.js";
import { openHistory } from "../../../src/history/open-history.js";
import { MemoryDisk, openMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import { startRpcServer } from "../../../src/rpc/server.js";
import { TestClock } from "../session/support/test-clock.js";
import { Edge } from "./edge.js";

/** A master's edge whose jobs leave the core for a history, on a clock of the test's own. */
export class PastEdge {
  private constructor(
    readonly edge: Edge,
    readonly history: History,
    readonly clock: TestClock,
    readonly link: HistoryLink,
  ) {}

  static async start(
    settings: Partial<Settings> = {},
    retention: Partial<Retention> = {},
    disk = new MemoryDisk(),
  ): Promise<PastEdge> {
    const clock = new TestClock();
    const journal = await openMemoryJournal(disk);
    const onFatal = (error: unknown) => {
      throw error;
    };
    const engine = await MasterEngine.open({
      journal,
      clock,
      draw: systemDraw(),
      settings: { retireAfterMs: 1_000, ...settings },
      onFatal,
    });
    const history = await openHistory({
      journal,
      nextStage: await engine.read((state) => state.stages.count),
      retention,
      syncIntervalMs: 0,
      onNews: (news) => {
        assert.fail(`news of history: ${JSON.stringify(news)}`);
      },
    });
    const link = new HistoryLink(engine, history, clock, () => undefined);
    const logged: { fields: object; message: string }[] = [];
    const note = (fields: object, message: string) => {
      logged.push({ fields, message });
    };
    const log = { debug: () => {}, info: () => {}, warn: note, error: note };
    const server = await startRpcServer({ engine, history, log, clock, address: "127.0.0.1:0" });
    return new PastEdge(new Edge(engine, server, disk, logged), history, clock, link);
  }

  /** Lets time pass until jobs have left the core. */
  async leave(...jobIds: readonly string[]): Promise<void> {
    const { engine } = this.edge;
    for (let round = 0; round < 20; round++) {
      await this.synced();
      const isThere = await engine.read((state) =>
        jobIds.some((id) => queries.getJob(state, "default", id) !== undefined),
      );
      if (!isThere) return;
      await this.clock.advance(1_000);
    }
    assert.fail(`${jobIds.join(", ")} did not leave`);
  }

  /** History has all that is durable, for good. */
  async synced(): Promise<void> {
    const index = this.edge.engine.durableIndex;
    if (this.history.checkpoint >= index) return;
    await new Promise<void>((resolve) => {
      const stop = this.history.onSynced((checkpoint) => {
        if (checkpoint < index) return;
        stop();
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    this.link.stop();
    await this.history.close();
    await this.edge.close();
  }
}
