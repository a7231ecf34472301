import assert from "node:assert/strict";
import type { Client, ServiceError } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { MasterServiceService } from "@capstan/proto/capstan/v1/master_service.js";
import { OperatorServiceService } from "@capstan/proto/capstan/v1/operator_service.js";
import { readIncoming, unary } from "../../src/rpc/call.js";
import { Edge, refusedBy } from "./support/edge.js";

const asIs = (bytes: Buffer) => bytes;
/** A field of length 5 with one byte behind it. */
const garbage = Buffer.from([0x0a, 0x05, 0x01]);

function send(client: Client, path: string, isStream: boolean): Promise<ServiceError> {
  return new Promise((resolve, reject) => {
    const unexpected = () => {
      reject(new Error(`${path} took garbage for a message`));
    };
    if (isStream) {
      const stream = client.makeServerStreamRequest(path, asIs, asIs, garbage);
      stream.on("error", resolve).on("end", unexpected).resume();
    } else {
      client.makeUnaryRequest(path, asIs, asIs, garbage, (error) => {
        if (error === null) unexpected();
        else resolve(error);
      });
    }
  });
}

describe("bytes that are no message", () => {
  let edge: Edge;

  before(async () => {
    edge = await Edge.start();
  });

  after(() => edge.close());

  const { pullTasks: _, ...masterMethods } = MasterServiceService;
  const implemented = [
    ...Object.values(masterMethods).filter(
      ({ path }) => !/AppendBatch|ListBatches|PauseJob|ResumeJob/.test(path),
    ),
    OperatorServiceService.listWorkers,
    OperatorServiceService.getMaster,
  ];

  for (const { path, responseStream } of implemented) {
    it(`are refused by ${path} as the caller's fault`, async () => {
      const refused = refusedBy(await send(edge.master, path, responseStream));
      assert.deepEqual([refused.code, refused.reason], ["INVALID_ARGUMENT", "MALFORMED"]);
      assert.deepEqual(edge.logged, []);
    });
  }
});

describe("a reader that fails by a fault of its own", () => {
  const none = () => {};

  /** What a call is answered whose reader throws this, and what is logged of it. */
  async function answerTo(error: Error) {
    const logged: object[] = [];
    const log = { debug: none, info: none, warn: none, error: (what: object) => logged.push(what) };
    const request = readIncoming((): never => {
      throw error;
    }, garbage);
    const handle = unary(log, () => Promise.resolve("read"));
    const refused = await new Promise<Partial<ServiceError> | null>((resolve) => {
      handle({ request } as Parameters<typeof handle>[0], resolve);
    });
    return { code: status[refused?.code ?? status.OK], logged };
  }

  it("is a bug of the master's and logged, not the fault of who sent the bytes", async () => {
    for (const bug of [new TypeError("x is undefined"), new ReferenceError("no y")]) {
      const { code, logged } = await answerTo(bug);
      assert.equal(code, "INTERNAL");
      assert.deepEqual(
        logged.map((line) => "err" in line && line.err),
        [bug],
      );
    }
  });

  it("is told from one that found bytes which are no message", async () => {
    const answer = await answerTo(new RangeError("a message ends within a field"));
    assert.deepEqual(answer, { code: "INVALID_ARGUMENT", logged: [] });
  });
});
