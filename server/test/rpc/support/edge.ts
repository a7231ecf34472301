import type { ClientReadableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import { credentials, status } from "@grpc/grpc-js";
import { FailureServiceClient } from "@capstan/proto/capstan/v1/failure_service.js";
import { MasterServiceClient } from "@capstan/proto/capstan/v1/master_service.js";
import { OperatorServiceClient } from "@capstan/proto/capstan/v1/operator_service.js";
import { BadRequest, ErrorInfo, RetryInfo } from "@capstan/proto/google/rpc/error_details.js";
import { Status } from "@capstan/proto/google/rpc/status.js";
import { digest } from "../../../src/core/index.js";
import { systemClock } from "../../../src/engine/clock.js";
import { MasterEngine } from "../../../src/engine/engine.js";
import { systemDraw } from "../../../src/engine/random.js";
import { MemoryDisk, openMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import type { Log } from "../../../src/rpc/log.js";
import type { RpcServer, RpcServerOptions } from "../../../src/rpc/server.js";
import { startRpcServer } from "../../../src/rpc/server.js";

/** A refusal as a client sees it. */
export interface Refused {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
  readonly retryMs: number | undefined;
}

/** Reads what stands in `grpc-status-details-bin`. */
export function refusedBy(error: ServiceError): Refused {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const details = bytes === undefined ? undefined : Status.decode(bytes as Buffer);
  return refusedIn({ code: error.code, message: error.details, details: details?.details ?? [] });
}

/** Reads a google.rpc.Status. */
export function refusedIn({ code, message, details }: Status): Refused {
  const found = (name: string) =>
    details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`)?.value;
  const info = found("ErrorInfo");
  const request = found("BadRequest");
  const retry = found("RetryInfo");
  const { reason, metadata } = info === undefined ? ErrorInfo.create() : ErrorInfo.decode(info);
  const fields = request === undefined ? [] : BadRequest.decode(request).fieldViolations;
  const delay = retry === undefined ? undefined : RetryInfo.decode(retry).retryDelay;
  return {
    code: status[code] ?? String(code),
    reason,
    message,
    facts: metadata,
    fields: fields.map(({ field }) => field),
    retryMs: delay === undefined ? undefined : Number(delay.seconds) * 1_000 + delay.nanos / 1e6,
  };
}

/** Thrown by `ask` for an answer that is not OK. */
export class RefusedError extends Error {
  constructor(
    readonly refused: Refused,
    readonly metadata: Metadata,
  ) {
    super(`${refused.code} ${refused.reason}: ${refused.message}`);
  }
}

/** A master's edge over an engine that keeps everything in memory, with a client of each service. */
export class Edge {
  readonly master: MasterServiceClient;
  readonly operator: OperatorServiceClient;
  readonly failures: FailureServiceClient;

  /** @param engine kept by the caller, who closes it after the edge's own end when it is not `start`'s */
  constructor(
    readonly engine: MasterEngine,
    readonly server: RpcServer,
    readonly disk: MemoryDisk,
    readonly logged: readonly { readonly fields: object; readonly message: string }[],
  ) {
    const options = { "grpc.max_receive_message_length": -1 };
    const secret = credentials.createInsecure();
    this.master = new MasterServiceClient(server.address, secret, options);
    this.operator = new OperatorServiceClient(server.address, secret, options);
    this.failures = new FailureServiceClient(server.address, secret, options);
  }

  /** @param disk what outlives the master */
  static async start(
    options: Partial<RpcServerOptions> = {},
    disk = new MemoryDisk(),
  ): Promise<Edge> {
    const engine = await MasterEngine.open({
      journal: await openMemoryJournal(disk),
      clock: systemClock,
      draw: systemDraw(),
      onFatal: (error) => {
        throw error;
      },
    });
    const logged: { fields: object; message: string }[] = [];
    const note = (fields: object, message: string) => {
      logged.push({ fields, message });
    };
    const log: Log = { debug: () => {}, info: () => {}, warn: note, error: note };
    const server = await startRpcServer({ engine, address: "127.0.0.1:0", log, ...options });
    return new Edge(engine, server, disk, logged);
  }

  /** The whole durable state, for "nothing has changed". */
  digest(): Promise<unknown> {
    return this.engine.read((state) => digest(state));
  }

  async close(): Promise<void> {
    this.master.close();
    this.operator.close();
    this.failures.close();
    await this.server.close();
    await this.engine.close();
  }
}

/** The refusal of what must not succeed. */
export async function refusalOf(call: Promise<unknown>): Promise<Refused> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RefusedError) return error.refused;
    throw error;
  }
  throw new Error("the call was answered OK");
}

/** All messages of a server stream. @throws RefusedError when it does not end OK */
export function collect<A>(stream: ClientReadableStream<A>): Promise<A[]> {
  return new Promise((resolve, reject) => {
    const messages: A[] = [];
    stream.on("data", (message: A) => messages.push(message));
    stream.on("end", () => {
      resolve(messages);
    });
    stream.on("error", (error: ServiceError) => {
      reject(new RefusedError(refusedBy(error), error.metadata));
    });
  });
}
