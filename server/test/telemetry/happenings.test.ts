import assert from "node:assert/strict";
import { credentials } from "@grpc/grpc-js";
import { Client, PermanentError, Worker } from "@capstan/sdk";
import { MasterServiceClient, PullTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { type Master, startMaster } from "../../src/main.js";
import type { Log } from "../../src/rpc/log.js";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that can be waited for. */
class Told implements Log {
  readonly lines: Line[] = [];
  readonly #waiting: {
    readonly wanted: (line: Line) => boolean;
    readonly resolve: (line: Line) => void;
  }[] = [];
  readonly debug = this.#at("debug");
  readonly info = this.#at("info");
  readonly warn = this.#at("warn");
  readonly error = this.#at("error");

  /** Resolves with the line, now or when it comes. */
  said(words: string): Promise<Line> {
    const wanted = ({ level, message }: Line) => level !== "debug" && message.includes(words);
    const found = this.lines.find(wanted);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }

  #at(level: string) {
    return (fields: object, message: string) => {
      const line = { level, message, fields: fields as Line["fields"] };
      this.lines.push(line);
      for (const { wanted, resolve } of this.#waiting) if (wanted(line)) resolve(line);
    };
  }
}

describe("the master's log", function () {
  this.timeout(10_000);
  let told: Told;
  let master: Master;
  let client: Client;

  beforeEach(async () => {
    told = new Told();
    master = await startMaster({
      address: "127.0.0.1:0",
      journal: { kind: "memory" },
      settings: { leaseTermMs: 300 },
      log: told,
    });
    client = new Client({ address: master.address });
  });

  afterEach(async () => {
    client.close();
    await master.close();
  });

  const submit = () =>
    client.submit({ name: "told", stages: [{ taskType: "work", tasks: [{ payload: 1 }] }] });

  it("tells of a worker that comes, drains and leaves, and of a job that failed, with the reason", async () => {
    const worker = new Worker({ address: master.address, workerId: "able" });
    worker.handle("work", () => {
      throw new PermanentError("the input is\nno number");
    });
    const running = worker.run();
    const { fields: came } = await told.said("a worker has come");
    assert.equal(came["workerId"], "able");
    const { jobId } = await submit();
    const { fields, level } = await told.said("a job failed");
    assert.equal(level, "info");
    const { message, type, ...named } = fields;
    assert.equal(message, "the input is");
    assert.equal(type, "PermanentError");
    assert.deepEqual(named, {
      jobId,
      namespace: "default",
      name: "told",
      failedTask: "main/0",
      kind: "error",
      worker: "able",
    });
    await worker.drain();
    await running;
    assert.equal((await told.said("a worker drains")).fields["workerId"], "able");
    assert.equal((await told.said("a worker has left")).fields["workerId"], "able");
  });

  it("tells of a worker that is gone, and then lost, with what was given back", async () => {
    const raw = new MasterServiceClient(master.address, credentials.createInsecure());
    const stream = raw.pullTasks();
    stream.on("error", () => undefined);
    const assigned = new Promise<void>((resolve) => {
      stream.on("data", ({ messages }: { messages: { message?: { $case: string } }[] }) => {
        if (messages.some(({ message }) => message?.$case === "assign")) resolve();
      });
    });
    await submit();
    const register = {
      protocolVersion: 1,
      workerId: "frail",
      incarnation: "a",
      namespaces: ["default"],
      host: "here",
      resources: [{ name: "slots", milli: 1_000n }],
      taskTypes: ["work"],
    };
    stream.write(
      PullTasksRequest.fromPartial({
        messages: [
          { message: { $case: "register", value: register } },
          { message: { $case: "credit", value: { maxTasks: 1, maxBytes: 1_000_000 } } },
        ],
      }),
    );
    await assigned;
    stream.cancel();
    raw.close();
    const { fields: gone } = await told.said("session ended");
    assert.deepEqual([gone["workerId"], gone["leases"]], ["frail", 1]);
    const { fields: lost } = await told.said("a worker is lost");
    assert.deepEqual(
      [lost["workerId"], lost["host"], lost["leasesGivenBack"]],
      ["frail", "here", 1],
    );
  });

  it("says nothing of single tasks, and nothing of workers when the master itself stops", async () => {
    const worker = new Worker({ address: master.address });
    worker.handle("work", () => 1);
    const running = worker.run();
    await (await submit()).result();
    await told.said("a worker has come");
    const before = told.lines.filter(({ level }) => level !== "debug").length;
    await master.close();
    const after = told.lines.filter(({ level }) => level !== "debug");
    assert.deepEqual(after.slice(before), []);
    await worker.drain();
    await running.catch(() => undefined);
  });
});
