import { Client, PermanentError, Worker } from "@capstan/sdk";
import { capstan, start, type Ended, type RunOptions } from "./capstan.js";

/** A master in a process of its own, a worker in this one, and the command pointed at them. */
export interface House {
  readonly address: string;
  readonly client: Client;
  readonly worker: Worker;
  /** Runs the command against this master. */
  capstan(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Lets every handler of type `wait` or `deaf` go on; only one of type `wait` hears its abort signal. */
  release(): void;
  stop(): Promise<void>;
}

/** The bytes that a task of type `bytes` puts out: neither text nor JSON, and no line end. */
export const oddBytes = Buffer.from([0, 255, 10, 13, 10, 128, 27, 91, 50, 74]);

/** Starts all of it. */
export async function openHouse(): Promise<House> {
  const server = start(["server", "--memory", "--address", "127.0.0.1:0"]);
  const stopServer = async () => {
    server.child.kill("SIGTERM");
    await server.ended;
  };
  try {
    const [, address = ""] = await server.says(/listening on (\S+)\n/);
    return await furnish(address, stopServer);
  } catch (error) {
    await stopServer();
    throw error;
  }
}

async function furnish(address: string, stopServer: () => Promise<void>): Promise<House> {
  const gates: (() => void)[] = [];
  const worker = workerAt(address, gates);
  const connected = worker.once("connected");
  const running = worker.run();
  // One that ends before it connects would be waited for in vain.
  await Promise.race([connected, running]);
  const client = new Client({ address });
  return {
    address,
    client,
    worker,
    capstan: (args, options) =>
      capstan(args, { ...options, env: { CAPSTAN_ADDRESS: address, ...options?.env } }),
    release: () => gates.splice(0).forEach((open) => open()),
    stop: async () => {
      await worker.drain({ timeoutMs: 0 });
      await running;
      client.close();
      await stopServer();
    },
  };
}

function workerAt(address: string, gates: (() => void)[]): Worker {
  return new Worker({
    address,
    workerId: "w1",
    host: "host-a",
    rack: "r1",
    slots: 4,
    installSignalHandlers: false,
    onDrain: () => undefined,
  })
    .handle("echo", (task) => task.payload)
    .handle("copy", (task) => task.bytes())
    .handle("bytes", () => oddBytes)
    .handle("boom", (task) => {
      throw new TypeError(`row ${task.index} is bad`);
    })
    .handle("never", () => {
      throw new PermanentError("this can never work");
    })
    .handle("wait", (_task, { signal }) => {
      return new Promise<void>((resolve, reject) => {
        gates.push(resolve);
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    })
    .handle("deaf", () => new Promise<void>((resolve) => gates.push(resolve)));
}
