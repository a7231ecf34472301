import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
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
import { call } from "../../rpc/support/calls.js";
import { type RefusedError } from "../../rpc/support/edge.js";

const main = fileURLToPath(new URL("../../../src/main.js", import.meta.url));

export type Spawn = (
  program: string,
  args: readonly string[],
  options: SpawnOptions,
) => ChildProcess;

/** How a master is started. */
export interface StartOptions {
  readonly spawn?: Spawn;
  readonly env?: NodeJS.ProcessEnv;
  /** What it is told beside its folder and address. */
  readonly flags?: readonly string[];
}

/** A line of the master's log. */
interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A master in a process of its own, as it is run, with clients. */
export class MasterProcess {
  readonly logged: Line[] = [];
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  readonly exited: Promise<number | null>;
  #address: string | undefined;
  #master: MasterServiceClient | undefined;
  #operator: OperatorServiceClient | undefined;

  private constructor(readonly child: ChildProcess) {
    // When all that it said has been read too.
    this.exited = once(child, "close").then(([code]) => code as number | null);
    if (child.stderr === null) throw new Error("no stderr");
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.#take(line);
    });
  }

  /** Starts it, and waits until it listens or has ended. */
  static async start(directory: string, options: StartOptions = {}): Promise<MasterProcess> {
    const flags = options.flags ?? [];
    const args = [main, "--data", directory, "--address", "127.0.0.1:0", ...flags];
    const child = (options.spawn ?? spawn)(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CAPSTAN_LOG_LEVEL: "info", ...options.env },
    });
    const started = new MasterProcess(child);
    if (child.stdout === null) throw new Error("no stdout");
    const said = await Promise.race([once(child.stdout, "data").then(String), started.exited]);
    const address = /listening on (\S+)/.exec(String(said))?.[1];
    if (address !== undefined) {
      started.#address = address;
      started.#master = new MasterServiceClient(address, credentials.createInsecure());
      started.#operator = new OperatorServiceClient(address, credentials.createInsecure());
    }
    return started;
  }

  /** Where it listens. @throws Error when it has ended instead */
  get address(): string {
    if (this.#address !== undefined) return this.#address;
    throw this.#endedError();
  }

  get master(): MasterServiceClient {
    if (this.#master === undefined) throw new Error("it does not listen");
    return this.#master;
  }

  /**
   * Resolves when the log has said that, now or before.
   * @throws Error when it ends without
   */
  async said(text: string): Promise<void> {
    if (this.logged.some(({ msg }) => msg.includes(text))) return;
    const said = new Promise<void>((resolve) => this.#waiting.push({ text, resolve }));
    const ended = this.exited.then(() => {
      throw this.#endedError();
    });
    await Promise.race([said, ended]);
  }

  /** A job of one task with a payload of so many bytes. @returns its id */
  async submit(bytes: number): Promise<string> {
    const task = { payload: Buffer.alloc(bytes, 7) };
    const request = SubmitJobRequest.fromPartial({
      job: { name: "job", stages: [{ taskType: "noop", tasks: [task] }] },
    });
    return (await call(this.master, this.master.submitJob, request)).jobId;
  }

  async cancel(jobId: string): Promise<void> {
    await call(this.master, this.master.cancelJob, CancelJobRequest.fromPartial({ jobId }));
  }

  async has(jobId: string): Promise<boolean> {
    const request = GetJobRequest.fromPartial({ jobId });
    const { job } = await call(this.master, this.master.getJob, request);
    return job?.jobId === jobId;
  }

  async journal(): Promise<{ readonly durable: number; readonly history: number }> {
    if (this.#operator === undefined) throw new Error("it does not listen");
    const request = GetMasterRequest.fromPartial({});
    const { journal } = await call(this.#operator, this.#operator.getMaster, request);
    return { durable: Number(journal?.durableIndex), history: Number(journal?.historyIndex ?? 0n) };
  }

  /** Submits until it refuses for want of room. Those that wait for room are left to wait. */
  async submitUntilFull(bytes: number): Promise<FilledUp> {
    const acknowledged: string[] = [];
    const waiting: Promise<void>[] = [];
    for (;;) {
      let refused: RefusedError | undefined;
      const outcome = this.submit(bytes).then(
        (jobId) => void acknowledged.push(jobId),
        (error: unknown) => {
          refused = error as RefusedError;
        },
      );
      waiting.push(outcome);
      // Whatever was sent when the disk filled up waits for room; what comes after is refused.
      await Promise.race([outcome, new Promise((resolve) => setTimeout(resolve, 50))]);
      if (refused !== undefined) return { acknowledged, refused, settled: Promise.all(waiting) };
    }
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops it in order. @returns its exit code */
  stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  #end(signal: NodeJS.Signals): Promise<number | null> {
    this.#master?.close();
    this.#operator?.close();
    this.child.kill(signal);
    return this.exited;
  }

  #endedError(): Error {
    return new Error(`the master ended:\n${this.logged.map(({ msg }) => msg).join("\n")}`);
  }

  #take(line: string): void {
    // A start that fails says so in words.
    const parsed = line.startsWith("{") ? (JSON.parse(line) as Line) : { msg: line };
    this.logged.push(parsed);
    for (const { text, resolve } of this.#waiting) if (parsed.msg.includes(text)) resolve();
  }
}

export interface FilledUp {
  /** Grows by those that waited, once there is room. */
  readonly acknowledged: readonly string[];
  readonly refused: RefusedError;
  /** When all have their answer. */
  readonly settled: Promise<unknown>;
}
