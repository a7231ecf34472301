import assert from "node:assert/strict";
import type { Client, ServiceError } from "@grpc/grpc-js";
import { MasterServiceService } from "@capstan/proto/capstan/v1/master_service.js";
import { OperatorServiceService } from "@capstan/proto/capstan/v1/operator_service.js";
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
