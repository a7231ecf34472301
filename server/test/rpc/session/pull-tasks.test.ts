import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientDuplexStream, ServiceError, UntypedServiceImplementation } from "@grpc/grpc-js";
import { Client, credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { PullTasksRequest, PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { AssignedTask, MasterMessage } from "@capstan/proto/capstan/v1/session.js";
import { WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import { ErrorInfo } from "@capstan/proto/google/rpc/error_details.js";
import { Status } from "@capstan/proto/google/rpc/status.js";
import { masterService, pullTasks } from "../../../src/rpc/session/index.js";
import { Bench, silent } from "./support/bench.js";
import type { Case, Says } from "./support/raw-worker.js";
import { completed, heldList, registerOf } from "./support/raw-worker.js";

/** How much the master has handed to a stream. */
interface Watched {
  bytes: number;
}

/** A client's end of the stream, in generated messages and nothing more. */
class Stream {
  readonly call: ClientDuplexStream<Buffer, Buffer>;
  readonly heard: MasterMessage[] = [];
  readonly ended: Promise<{ readonly code: status; readonly reason: string }>;
  #taken = new Set<MasterMessage>();

  constructor(client: Client) {
    this.call = client.makeBidiStreamRequest(
      masterService.pullTasks.path,
      (frame: Buffer) => frame,
      (frame: Buffer) => frame,
    );
    this.call.on("data", (frame: Buffer) => {
      this.heard.push(...PullTasksResponse.decode(frame).messages);
      this.call.emit("heard");
    });
    this.ended = new Promise((resolve) => {
      this.call.on("error", () => undefined);
      this.call.on("status", ({ code, metadata }: ServiceError) => {
        const [details] = metadata.get("grpc-status-details-bin");
        const packed = details instanceof Buffer ? Status.decode(details).details[0] : undefined;
        const reason = packed === undefined ? "" : ErrorInfo.decode(packed.value).reason;
        resolve({ code, reason });
      });
    });
  }

  say(...messages: readonly Says[]): void {
    const list = messages.map((message) => WorkerMessage.fromPartial({ message }));
    this.call.write(Buffer.from(PullTasksRequest.encode({ messages: list }).finish()));
  }

  async next(kind: Case) {
    for (;;) {
      const found = this.heard.find((m) => m.message?.$case === kind && !this.#taken.has(m));
      if (found !== undefined) {
        this.#taken.add(found);
        return found.message as Extract<MasterMessage["message"], object>;
      }
      await once(this.call, "heard");
    }
  }

  get assigned(): AssignedTask[] {
    return this.heard.flatMap(({ message }) =>
      message?.$case === "assign" ? message.value.tasks : [],
    );
  }

  async tasks(count: number): Promise<AssignedTask[]> {
    while (this.assigned.length < count) await once(this.call, "heard");
    return this.assigned;
  }
}

describe("PullTasks over grpc", () => {
  let bench: Bench;
  let server: Server;
  let address: string;
  let clients: Client[];
  let watched: Watched;

  beforeEach(async () => {
    bench = await Bench.open();
    server = new Server({ "grpc.max_receive_message_length": 1_048_576 });
    watched = { bytes: 0 };
    const handler = pullTasks({ sessions: bench.sessions, log: silent });
    const spied: typeof handler = (call) => {
      const write = call.write.bind(call) as (frame: unknown, done?: () => void) => boolean;
      const spy = (frame: Buffer, done?: () => void) => {
        watched.bytes += frame.length;
        return write(frame, done);
      };
      call.write = spy as unknown as typeof call.write;
      handler(call);
    };
    const service: UntypedServiceImplementation = { pullTasks: spied };
    server.addService(masterService, service);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    address = `127.0.0.1:${port}`;
    clients = [];
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    server.forceShutdown();
    await bench.close();
  });

  function open(): Stream {
    const client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    clients.push(client);
    return new Stream(client);
  }

  async function connect(fields: Parameters<typeof registerOf>[0] = {}): Promise<Stream> {
    const stream = open();
    stream.say({ $case: "register", value: registerOf(fields) });
    await stream.next("registered");
    return stream;
  }

  const credit = (maxTasks: number): Says => ({
    $case: "credit",
    value: { maxTasks, maxBytes: undefined },
  });

  it("runs tasks from Register to Settled, and ends well after a half-close", async () => {
    await bench.submit({ tasks: 20, demand: [] });
    const worker = await connect();
    worker.say(credit(8));
    let done = 0;
    while (done < 20) {
      const tasks = await worker.tasks(done + 1);
      const fresh = tasks.slice(done).map(({ token }) => token);
      done += fresh.length;
      worker.say({ $case: "started", value: { tokens: fresh } }, ...fresh.map((t) => completed(t)));
    }
    let settled = 0;
    while (settled < 20) {
      const message = await worker.next("settled");
      assert(message.$case === "settled");
      assert(message.value.settlements.every((s) => s.outcome?.outcome?.$case === "succeeded"));
      settled += message.value.settlements.length;
    }
    worker.call.end();
    assert.deepEqual(await worker.ended, { code: status.OK, reason: "" });
  });

  it("goes on after a reconnect with what was held", async () => {
    await bench.submit({ tasks: 1 });
    const worker = await connect({ workerId: "w" });
    worker.say(credit(1));
    const [task] = await worker.tasks(1);
    const token = task?.token as Buffer;
    worker.call.cancel();
    await bench.until("the session is over", () => bench.sessions.size === 0);
    const again = open();
    again.say({ $case: "register", value: registerOf({ workerId: "w", held: heldList([token]) }) });
    const registered = await again.next("registered");
    assert(registered.$case === "registered");
    assert.deepEqual(
      registered.value.resumed.map((lease) => lease.token),
      [token],
    );
    again.say(completed(token));
    await again.next("settled");
  });

  it("tells a superseded process so, with a reason that it can read", async () => {
    const older = await connect({ workerId: "w", incarnation: "old" });
    await connect({ workerId: "w", incarnation: "new" });
    assert.deepEqual(await older.ended, {
      code: status.FAILED_PRECONDITION,
      reason: "SUPERSEDED",
    });
  });

  it("refuses a message before Register, and a second Register", async () => {
    const early = open();
    early.say(credit(1));
    const { code, reason } = await early.ended;
    assert.deepEqual([code, reason], [status.FAILED_PRECONDITION, "REGISTER_REQUIRED"]);
    const twice = await connect();
    twice.say({ $case: "register", value: registerOf() });
    assert.equal((await twice.ended).reason, "ALREADY_REGISTERED");
  });

  it("ends a session that sends garbage, and serves the others", async () => {
    const worker = await connect();
    worker.call.write(Buffer.from("ffffffff", "hex"));
    assert.deepEqual(await worker.ended, { code: status.INVALID_ARGUMENT, reason: "MALFORMED" });
    await connect();
  });

  it("ends a session that sends a frame too large for the library, and serves the others", async () => {
    const worker = await connect();
    worker.call.write(Buffer.alloc(1_048_577));
    assert.equal((await worker.ended).code, status.RESOURCE_EXHAUSTED);
    await bench.until("the session is over", () => bench.sessions.size === 0);
    await connect();
  });

  it("ends with UNAVAILABLE when the master stops", async () => {
    const worker = await connect();
    bench.sessions.stop();
    assert.deepEqual(await worker.ended, { code: status.UNAVAILABLE, reason: "STOPPING" });
    assert.deepEqual(await open().ended, { code: status.UNAVAILABLE, reason: "STOPPING" });
  });

  it("hands a worker that does not read a bounded number of bytes, and all of them in the end", async () => {
    const worker = await connect();
    worker.call.pause();
    const before = watched.bytes;
    for (let i = 0; i < 40; i++) {
      await bench.submit({ tasks: 40, demand: [], payload: () => Buffer.alloc(10_000, i) });
    }
    worker.say(credit(4_096));
    await bench.until("all are leased", async () => {
      const { workers } = await bench.read((state) => ({ workers: state.workers }));
      return workers[0]?.leases.size === 1_600;
    });
    await bench.settle();
    const handed = watched.bytes - before;
    // A frame may be under way beyond the bound, and as much lies in buffers of the transport.
    assert(handed < 4 * 1_024 * 1_024, `${handed} bytes`);
    worker.call.resume();
    const tasks = await worker.tasks(1_600);
    assert.equal(
      tasks.reduce((sum, { payload }) => sum + payload.length, 0),
      16_000_000,
    );
  });
});
