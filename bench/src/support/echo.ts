import type { EchoClientCalls, EchoFlood, EchoShape } from "../processes/echo-client.js";
import type { EchoServerCalls } from "../processes/echo-server.js";
import { Assign } from "@capstan/proto/capstan/v1/session.js";
import { echoItem } from "./echo-service.js";
import { Remote } from "./remote.js";
import type { Scratch } from "./scratch.js";

/** The shapes whose best stands beside a throughput. */
const shapes: readonly EchoShape[] = [
  { items: 64, inFlight: 8 },
  { items: 256, inFlight: 4 },
];

/** How many bytes of a message an item takes, its key and length included. */
export function echoItemBytes(): number {
  const bytes = (count: number) =>
    Assign.encode({
      sequence: 1,
      contexts: [],
      tasks: Array.from({ length: count }, () => echoItem(100_000)),
    }).finish().byteLength;
  return bytes(2) - bytes(1);
}

/** The floor under every stream of this machine: a client and a server of grpc-js in two processes. */
export class Echo {
  readonly #server: Remote<EchoServerCalls>;
  readonly #client: Remote<EchoClientCalls>;

  private constructor(server: Remote<EchoServerCalls>, client: Remote<EchoClientCalls>) {
    this.#server = server;
    this.#client = client;
  }

  static async start(scratch: Scratch): Promise<Echo> {
    const server = new Remote<EchoServerCalls>(scratch, "echo-server");
    const client = new Remote<EchoClientCalls>(scratch, "echo-client");
    await client.call("connect", await server.call("listen", null));
    return new Echo(server, client);
  }

  /** Each shape in turn. */
  async floods(warmUpMs: number, ms: number): Promise<EchoFlood[]> {
    const found: EchoFlood[] = [];
    for (const shape of shapes) {
      found.push(await this.#client.call("flood", { ...shape, warmUpMs, ms }));
    }
    return found;
  }

  /** One item a message, one message in flight. @returns round trips, milliseconds */
  pingPong(warmUp: number, count: number): Promise<number[]> {
    return this.#client.call("pingPong", { warmUp, count });
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#server.close();
  }
}
