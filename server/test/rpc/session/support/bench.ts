import assert from "node:assert/strict";
import { AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import type { Resource, TaskDraft, TaskPolicy } from "../../../../src/core/index.js";
import type { State } from "../../../../src/core/index.js";
import { queries } from "../../../../src/core/index.js";
import { MasterEngine } from "../../../../src/engine/engine.js";
import { Blobs } from "../../../../src/engine/engine-port.js";
import { MemoryDisk, openMemoryJournal } from "../../../../src/journal/memory/memory-journal.js";
import type { Log } from "../../../../src/rpc/log.js";
import { Sessions } from "../../../../src/rpc/session/index.js";
import { TestClock, turn } from "./test-clock.js";

export const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface JobSketch {
  readonly tasks: number;
  readonly namespace?: string;
  readonly payload?: (index: number) => Uint8Array;
  readonly partitions?: number;
  readonly demand?: readonly Resource[];
  readonly policy?: Partial<TaskPolicy>;
  readonly attemptsMax?: number;
  readonly recordCount?: number;
}

/** A master's engine with its sessions, on a journal in memory and a clock of the test's own. */
export class Bench {
  static async open(
    options: {
      readonly clock?: TestClock;
      readonly disk?: MemoryDisk;
      readonly pingIntervalMs?: number;
      readonly sessionsMax?: number;
      readonly payloadBudgetBytes?: number;
    } = {},
  ): Promise<Bench> {
    const clock = options.clock ?? new TestClock();
    const disk = options.disk ?? new MemoryDisk();
    let seed = 1;
    const engine = await MasterEngine.open({
      journal: await openMemoryJournal(disk),
      clock,
      draw: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0),
      onFatal: (error) => {
        throw error;
      },
      ...(options.payloadBudgetBytes === undefined
        ? {}
        : { payloadBudgetBytes: options.payloadBudgetBytes }),
    });
    return new Bench(engine, clock, disk, options);
  }

  readonly sessions: Sessions;

  private constructor(
    readonly engine: MasterEngine,
    readonly clock: TestClock,
    readonly disk: MemoryDisk,
    options: { readonly pingIntervalMs?: number; readonly sessionsMax?: number },
  ) {
    const { pingIntervalMs = 5_000, sessionsMax = 100 } = options;
    this.sessions = new Sessions({ engine, clock, log: silent, pingIntervalMs, sessionsMax });
  }

  async submit(sketch: JobSketch): Promise<string> {
    const bodies: Uint8Array[] = [];
    const tasks: TaskDraft[] = [];
    for (let i = 0; i < sketch.tasks; i++) {
      const payload = Buffer.from(sketch.payload?.(i) ?? Buffer.from(`payload ${i}`));
      const body = AssignedTask.encode(AssignedTask.fromPartial({ payload })).finish();
      bodies.push(body);
      tasks.push({
        bodyBytes: body.length,
        hosts: [],
        inputBytes: 0,
        delayMs: 0,
        recordCount: sketch.recordCount ?? 0,
      });
    }
    const policy: TaskPolicy = {
      retry: {
        attemptsMax: sketch.attemptsMax ?? 3,
        backoffBaseMs: 1_000,
        backoffFactor: 2,
        backoffCapMs: 60_000,
        nonRetryable: ["Fatal"],
      },
      attemptTimeoutMs: 0,
      lostMax: 10,
      oomMax: 3,
      deliveriesMax: 100,
      ...sketch.policy,
    };
    const demand = sketch.demand ?? [{ name: "slots", milli: 1_000 }];
    const result = await this.engine.submit(
      {
        kind: "submit_job",
        spec: {
          namespace: sketch.namespace ?? "default",
          name: "job",
          labels: [{ name: "team", value: "blue" }],
          onTaskFailure: { kind: "continue" },
          trace: { traceparent: "00-trace", tracestate: "", baggage: "" },
          uploadTtlMs: 60_000,
          stages: [
            {
              name: "main",
              dependsOn: [],
              partitions: sketch.partitions ?? 1,
              task: { type: "work", demand, constraints: [], policy },
            },
          ],
        },
        idempotencyKey: "",
        fingerprint: "",
        moreToUpload: false,
        tasks: [{ stage: 0, tasks }],
      },
      Blobs.of(bodies),
    );
    assert(result.ok);
    return result.reply.jobId;
  }

  read<T>(query: (state: State) => T): Promise<T> {
    return this.engine.read(query);
  }

  async task(jobId: string, index: number) {
    const { now } = { now: this.clock.monotonicMs() };
    const task = await this.read((s) => queries.getTask(s, "default", jobId, "main", index, now));
    assert(task !== undefined);
    return task;
  }

  async worker(id: string) {
    const worker = await this.read((state) => queries.findWorker(state, id));
    assert(worker !== undefined);
    return worker;
  }

  /** Waits, turn by turn, until something holds; time stands still meanwhile. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 2_000; i++) {
      if (await holds()) return;
      await turn();
    }
    assert.fail(`never: ${what}`);
  }

  /** Lets everything that is under way come to rest. */
  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await this.read(() => undefined);
      for (let j = 0; j < 4; j++) await turn();
    }
  }

  async close(): Promise<void> {
    this.sessions.stop();
    await this.engine.close();
  }
}
