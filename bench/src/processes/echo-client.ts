import { type ClientDuplexStream, Client, credentials } from "@grpc/grpc-js";
import type { Assign, AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import { echoCodec, echoItem, echoPath } from "../support/echo-service.js";
import { monotonicMs } from "../support/monotonic.js";
import { serve } from "../support/remote.js";

/** How many items a message has, and how many messages are on the way at once. */
export interface EchoShape {
  readonly items: number;
  readonly inFlight: number;
}

/** A flood of items that came back. */
export interface EchoFlood extends EchoShape {
  readonly itemsPerSecond: number;
  /** How many items came back while the clock ran: counted where they arrived. */
  readonly echoed: number;
  readonly ms: number;
}

/** What can be asked of the process. */
export type EchoClientCalls = {
  connect: (address: string) => void;
  /** Keeps messages of a shape in flight, for a while unmeasured and then for a measured while. */
  flood: (
    plan: EchoShape & { readonly warmUpMs: number; readonly ms: number },
  ) => Promise<EchoFlood>;
  /** One item at a time. @returns how long each round trip took, milliseconds */
  pingPong: (plan: { readonly warmUp: number; readonly count: number }) => Promise<number[]>;
};

let client: Client | undefined;

function open(): ClientDuplexStream<Assign, Assign> {
  if (client === undefined) throw new Error("not connected");
  const { serialize, deserialize } = echoCodec;
  return client.makeBidiStreamRequest(echoPath, serialize, deserialize);
}

function messageOf(items: number): Assign {
  const tasks: AssignedTask[] = [];
  for (let index = 0; index < items; index++) tasks.push(echoItem(index));
  return { sequence: 1, contexts: [], tasks };
}

serve({
  connect: (address: string) => {
    client = new Client(address, credentials.createInsecure());
  },

  flood: ({ items, inFlight, warmUpMs, ms }: Parameters<EchoClientCalls["flood"]>[0]) =>
    new Promise<EchoFlood>((resolve, reject) => {
      const stream = open();
      const message = messageOf(items);
      const startAt = monotonicMs() + warmUpMs;
      let startedAt = 0;
      let echoed = 0;
      stream.on("error", reject);
      stream.on("data", ({ tasks }: Assign) => {
        const at = monotonicMs();
        if (startedAt > 0) echoed += tasks.length;
        else if (at >= startAt) startedAt = at;
        if (startedAt === 0 || at < startedAt + ms) {
          stream.write(message);
          return;
        }
        stream.removeAllListeners("data");
        stream.resume();
        stream.on("end", () => {
          const took = at - startedAt;
          resolve({ items, inFlight, itemsPerSecond: (echoed / took) * 1_000, echoed, ms: took });
        });
        stream.end();
      });
      for (let sent = 0; sent < inFlight; sent++) stream.write(message);
    }),

  pingPong: ({ warmUp, count }: Parameters<EchoClientCalls["pingPong"]>[0]) =>
    new Promise<number[]>((resolve, reject) => {
      const stream = open();
      const message = messageOf(1);
      const tookMs: number[] = [];
      let seen = 0;
      let sentAt = 0;
      const send = () => {
        sentAt = monotonicMs();
        stream.write(message);
      };
      stream.on("error", reject);
      stream.on("data", () => {
        seen += 1;
        if (seen > warmUp) tookMs.push(monotonicMs() - sentAt);
        if (tookMs.length < count) send();
        else stream.end();
      });
      stream.on("end", () => {
        resolve(tookMs);
      });
      send();
    }),
} satisfies EchoClientCalls);
