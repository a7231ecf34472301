import { once } from "node:events";
import net from "node:net";
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import {
  HeartbeatRequest,
  HeartbeatResponse,
  PullTasksRequest,
  PullTasksResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import {
  Assign,
  type AssignedTask,
  type MasterMessage,
  Registered,
  type Register,
  type WorkerMessage,
} from "@capstan/proto/capstan/v1/session.js";
import { BadRequest, ErrorInfo, RetryInfo } from "@capstan/proto/google/rpc/error_details.js";
import { Status } from "@capstan/proto/google/rpc/status.js";

type Said = NonNullable<WorkerMessage["message"]>;
export type Case = Said["$case"];
export type ValueOf<C extends Case> = Extract<Said, { $case: C }>["value"];

const raw = (bytes: Buffer): Buffer => bytes;

function pass(path: string, stream: boolean) {
  return {
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  };
}

/** A handler of a unary call, bytes in and bytes out. */
export type Unary = (request: Buffer) => Buffer | Promise<Buffer>;

/** A master that does what a test says, behind a TCP proxy that can be cut and frozen. */
export class ScriptedMaster {
  readonly #server = new Server({ "grpc.max_receive_message_length": -1 });
  readonly #sockets = new Set<net.Socket>();
  readonly #sessions: ScriptedSession[] = [];
  readonly #waiting: ((session: ScriptedSession) => void)[] = [];
  readonly heartbeats: HeartbeatRequest[] = [];
  readonly #heartbeatWaiters: ((request: HeartbeatRequest) => void)[] = [];
  heartbeatResponse: Partial<HeartbeatResponse> = {};
  #proxy: net.Server | undefined;
  #grpcPort = 0;
  #frozen = false;
  /** How many connections the proxy has taken. */
  connections = 0;
  address = "";

  static async start(
    unary: Record<string, Unary> = {},
    streams: Record<
      string,
      (call: ServerDuplexStream<Buffer, Buffer>, request: Buffer) => void
    > = {},
  ): Promise<ScriptedMaster> {
    const master = new ScriptedMaster();
    await master.#listen(unary, streams);
    return master;
  }

  async #listen(
    unary: Record<string, Unary>,
    streams: Record<string, (call: ServerDuplexStream<Buffer, Buffer>, request: Buffer) => void>,
  ): Promise<void> {
    const handlers: Record<string, Unary> = {
      "/capstan.v1.MasterService/Heartbeat": (request) => this.#heartbeat(request),
      ...unary,
    };
    const definition: Record<string, ReturnType<typeof pass>> = {
      PullTasks: pass("/capstan.v1.MasterService/PullTasks", true),
    };
    const implementation: Record<string, any> = {
      PullTasks: (call: ServerDuplexStream<Buffer, Buffer>) => {
        const session = new ScriptedSession(call);
        this.#sessions.push(session);
        this.#waiting.shift()?.(this.#sessions.shift()!);
      },
    };
    for (const [path, handler] of Object.entries(handlers)) {
      definition[path] = pass(path, false);
      implementation[path] = (
        call: ServerUnaryCall<Buffer, Buffer>,
        done: sendUnaryData<Buffer>,
      ) => {
        Promise.resolve()
          .then(() => handler(call.request))
          .then(
            (response) => done(null, response),
            (error: unknown) => done(error as Error),
          );
      };
    }
    for (const [path, handler] of Object.entries(streams)) {
      definition[path] = { ...pass(path, false), responseStream: true };
      implementation[path] = (call: any) => handler(call, call.request as Buffer);
    }
    this.#server.addService(definition, implementation);
    this.#grpcPort = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    this.#proxy = net.createServer((client) => this.#pipe(client));
    this.#proxy.listen(0, "127.0.0.1");
    await once(this.#proxy, "listening");
    this.address = `127.0.0.1:${(this.#proxy.address() as net.AddressInfo).port}`;
  }

  /** The next session that a worker opens. */
  session(): Promise<ScriptedSession> {
    const session = this.#sessions.shift();
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next session, registered; `held` leases are resumed unless the test says otherwise. */
  async registered(
    terms: Partial<Registered> = {},
  ): Promise<{ session: ScriptedSession; register: Register }> {
    const session = await this.session();
    const register = await session.expect("register");
    session.send("registered", registeredOf(terms));
    return { session, register };
  }

  /** The next Heartbeat. */
  nextHeartbeat(): Promise<HeartbeatRequest> {
    return new Promise((resolve) => this.#heartbeatWaiters.push(resolve));
  }

  /** Cuts all connections with RST. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** The connections at hand swallow everything from now on; new ones work. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.removeAllListeners("data");
      socket.on("data", () => undefined);
      socket.resume();
    }
  }

  /** Refuses new connections, or takes them again. */
  refuse(frozen: boolean): void {
    this.#frozen = frozen;
  }

  /** GOAWAY. */
  goAway(): void {
    this.#server.drain(`127.0.0.1:${this.#grpcPort}`, 100);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#proxy?.close();
    this.#server.forceShutdown();
    await Promise.resolve();
  }

  #heartbeat(bytes: Buffer): Buffer {
    const request = HeartbeatRequest.decode(bytes);
    this.heartbeats.push(request);
    this.#heartbeatWaiters.shift()?.(request);
    const response = { leaseTermMs: 600, cancels: [], settlements: [], ...this.heartbeatResponse };
    return Buffer.from(HeartbeatResponse.encode(HeartbeatResponse.create(response)).finish());
  }

  #pipe(client: net.Socket): void {
    if (this.#frozen) {
      client.resetAndDestroy();
      return;
    }
    this.connections += 1;
    const upstream = net.connect(this.#grpcPort, "127.0.0.1");
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  }
}

/** What a scripted master answers to Register unless told otherwise. */
export function registeredOf(terms: Partial<Registered> = {}): Registered {
  return Registered.create({
    session: `s${++sessionCount}`,
    leaseTermMs: 15_000,
    pingIntervalMs: 5_000,
    receiptTimeoutMs: 5_000,
    protocolVersion: 1,
    ...terms,
  });
}

let sessionCount = 0;

/** One session, seen from the master. */
export class ScriptedSession {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #unread: Said[] = [];
  readonly #waiting: (() => void)[] = [];
  /** Everything that was said, in order. */
  readonly all: Said[] = [];
  /** How many messages each frame had. */
  readonly frames: number[] = [];
  halfClosed = false;
  /** Resolves when the worker half-closes. */
  readonly ended: Promise<void>;
  /** Resolves when the call is over, however. */
  readonly closed: Promise<void>;
  #sequence = 0;

  constructor(call: ServerDuplexStream<Buffer, Buffer>) {
    this.#call = call;
    call.on("data", (bytes: Buffer) => {
      const { messages } = PullTasksRequest.decode(bytes);
      this.frames.push(messages.length);
      for (const { message } of messages) {
        if (message === undefined) continue;
        this.all.push(message);
        this.#unread.push(message);
      }
      for (const wake of this.#waiting.splice(0)) wake();
    });
    call.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      call.on("end", () => {
        this.halfClosed = true;
        // DRAIN-4: the master ends it with OK.
        call.end();
        resolve();
      });
    });
    this.closed = new Promise((resolve) => {
      call.on("cancelled", () => resolve());
      call.on("close", () => resolve());
      call.on("end", () => resolve());
    });
  }

  /** The next message of that case; others are passed over but pings, which are always skipped. */
  async expect<C extends Case>(
    wanted: C,
    where: (value: ValueOf<C>) => boolean = () => true,
  ): Promise<ValueOf<C>> {
    for (;;) {
      const at = this.#unread.findIndex(
        ({ $case, value }) => $case === wanted && where(value as ValueOf<C>),
      );
      if (at !== -1) return this.#unread.splice(at, 1)[0]!.value as ValueOf<C>;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** How many messages of that case have come so far. */
  count(wanted: Case): number {
    return this.all.filter(({ $case }) => $case === wanted).length;
  }

  send<C extends NonNullable<MasterMessage["message"]>["$case"]>(
    $case: C,
    value: Extract<NonNullable<MasterMessage["message"]>, { $case: C }>["value"],
  ): void {
    const message = { $case, value } as NonNullable<MasterMessage["message"]>;
    this.sendBytes(PullTasksResponse.encode({ messages: [{ message }] }).finish());
  }

  sendBytes(bytes: Uint8Array): void {
    this.#call.write(Buffer.from(bytes));
  }

  /** Assigns tasks; each is filled in with what a first delivery has. */
  assign(...tasks: Partial<AssignedTask>[]): Buffer[] {
    return this.assignOf({}, ...tasks);
  }

  assignOf(
    context: Partial<Assign["contexts"][number]>,
    ...tasks: Partial<AssignedTask>[]
  ): Buffer[] {
    this.#sequence += 1;
    const assign = Assign.create({
      sequence: this.#sequence,
      contexts: [
        {
          namespace: "default",
          jobId: "job_1",
          jobName: "job",
          stage: "main",
          taskType: "t",
          maxAttempts: 3,
          partitions: 1,
          ...context,
        },
      ],
      tasks: tasks.map((task) => ({
        token: tokenOf(),
        attempt: 1,
        delivery: 1,
        generation: 1,
        ...task,
      })),
    });
    this.send("assign", assign);
    return assign.tasks.map(({ token }) => token);
  }

  settle(...tokens: Buffer[]): void {
    this.send("settled", {
      settlements: tokens.map((token) => ({
        token,
        outcome: { outcome: { $case: "succeeded", value: { deadLetterId: "" } } },
      })),
    });
  }

  /** Ends the stream with OK. */
  end(): void {
    this.#call.end();
  }

  /** Ends the stream with an error. */
  fail(code: status, reason: string, details: ErrorDetails = {}): void {
    this.#call.emit("error", errorOf(code, reason, details));
  }
}

interface ErrorDetails {
  metadata?: Record<string, string>;
  retryInMs?: number;
  violations?: { field: string; description: string }[];
}

/** An error as a master sends it. */
export function errorOf(code: status, reason: string, details: ErrorDetails = {}): Error {
  const any = (name: string, bytes: Uint8Array) => ({
    typeUrl: `type.googleapis.com/google.rpc.${name}`,
    value: Buffer.from(bytes),
  });
  const info = { reason, domain: "capstan", metadata: details.metadata ?? {} };
  const body: Status = {
    code,
    message: `refused: ${reason}`,
    details: [any("ErrorInfo", ErrorInfo.encode(info).finish())],
  };
  if (details.retryInMs !== undefined) {
    const retryDelay = { seconds: 0n, nanos: details.retryInMs * 1e6 };
    body.details.push(any("RetryInfo", RetryInfo.encode({ retryDelay }).finish()));
  }
  if (details.violations !== undefined) {
    const fieldViolations = details.violations.map((v) => ({
      reason: "",
      localizedMessage: undefined,
      ...v,
    }));
    body.details.push(any("BadRequest", BadRequest.encode({ fieldViolations }).finish()));
  }
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(body).finish()));
  return Object.assign(new Error(body.message), { code, details: body.message, metadata });
}

let tokenCount = 0;

/** A token that no other has. */
export function tokenOf(): Buffer {
  const token = Buffer.alloc(32, 0xff);
  token.writeUInt32BE(++tokenCount, 0);
  return token;
}

export { status };
