import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import {
  CancelJobRequest,
  GetJobRequest,
  MasterServiceClient,
  SubmitJobRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import {
  GetMasterRequest,
  OperatorServiceClient,
} from "@capstan/proto/capstan/v1/operator_service.js";
import { readFileJournal } from "../../src/journal/file/survey.js";
import { JournalError } from "../../src/journal/journal-error.js";
import type { Master } from "../../src/main.js";
import { startMaster } from "../../src/main.js";
import { call } from "../rpc/support/calls.js";
import { refusalOf } from "../rpc/support/edge.js";
import { TestClock } from "../rpc/session/support/test-clock.js";

describe("a master with its journal and history in a folder", () => {
  let directory: string;
  let clock: TestClock;
  let master: Master;
  let client: MasterServiceClient;
  let operator: OperatorServiceClient;
  let logged: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "capstan-master-"));
    clock = new TestClock();
    logged = [];
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  async function start(): Promise<void> {
    const note = (_: object, message: string) => logged.push(message);
    master = await startMaster({
      address: "127.0.0.1:0",
      journal: { kind: "file", directory },
      clock,
      settings: { retireAfterMs: 1_000 },
      log: { debug: () => {}, info: () => {}, warn: note, error: note },
    });
    client = new MasterServiceClient(master.address, credentials.createInsecure());
    operator = new OperatorServiceClient(master.address, credentials.createInsecure());
  }

  async function stop(): Promise<void> {
    client.close();
    operator.close();
    await master.close();
  }

  async function state(jobId: string): Promise<JobState | undefined> {
    const { job } = await call(client, client.getJob, GetJobRequest.fromPartial({ jobId }));
    return job?.state;
  }

  /** A job that has ended, without a worker. */
  async function endedJob(name: string): Promise<string> {
    const request = SubmitJobRequest.fromPartial({
      job: { name, stages: [{ taskType: "noop", tasks: [{}] }] },
    });
    const { jobId } = await call(client, client.submitJob, request);
    await call(client, client.cancelJob, CancelJobRequest.fromPartial({ jobId }));
    return jobId;
  }

  async function journal(): Promise<{ readonly durable: bigint; readonly history: bigint }> {
    const answer = await call(operator, operator.getMaster, GetMasterRequest.fromPartial({}));
    const { historyIndex = -1n, durableIndex = 0n } = answer.journal ?? {};
    return { durable: durableIndex, history: historyIndex };
  }

  async function caughtUp(): Promise<bigint> {
    for (;;) {
      const { durable, history } = await journal();
      if (history >= durable) return durable;
    }
  }

  /** Ends the master once it has let go of what ended, which is the only thing left for it to write. */
  async function letGo(): Promise<void> {
    const before = await caughtUp();
    while ((await journal()).durable === before) await clock.advance(1_000);
    await stop();
    const types: string[] = [];
    for await (const { index, events } of readFileJournal(directory, 1)) {
      if (BigInt(index) > before) types.push(...events.map(({ type }) => type));
    }
    assert.deepEqual(types, ["jobs_retired"]);
  }

  it("lets jobs leave, and answers for them, also after a restart", async () => {
    await start();
    const jobId = await endedJob("gone");
    await letGo();
    await start();
    assert.equal(await state(jobId), JobState.JOB_STATE_CANCELLED);
    await stop();
    assert.deepEqual(logged, []);
  }).timeout(30_000);

  it("builds its history anew when the file is gone", async () => {
    await start();
    const jobId = await endedJob("gone");
    await letGo();
    for (const name of readdirSync(directory)) {
      if (name.startsWith("history.db")) rmSync(join(directory, name));
    }
    await start();
    assert.equal(await state(jobId), JobState.JOB_STATE_CANCELLED);
    const nobody = "job_00000000000000000000000000";
    assert.equal((await refusalOf(state(nobody))).reason, "JOB_NOT_FOUND");
    await stop();
  }).timeout(30_000);

  it("refuses a journal that ends before what its history has seen", async () => {
    await start();
    await endedJob("seen");
    await caughtUp();
    await stop();
    for (const name of readdirSync(directory)) {
      if (name.endsWith(".segment")) rmSync(join(directory, name));
    }
    await assert.rejects(start(), (error) => {
      assert(error instanceof JournalError);
      assert.equal(error.kind, "data_loss");
      assert.match(error.message, /had been durable.*history\.db has seen it/);
      return true;
    });
  });
});
