import type { ServiceDefinition } from "@grpc/grpc-js";
import { Assign, AssignedTask } from "@capstan/proto/capstan/v1/session.js";

/** What the tasks of the benches carry. */
export const payloadBytes = 100;

/** The path of the one method. */
export const echoPath = "/capstan.bench.Echo/Echo";

/**
 * Messages of the echo: an Assign of the contract, so that an item has the size and the generated code of a real
 * assignment, and the echo is as good as a stream of such items can be.
 */
export const echoCodec = {
  serialize: (message: Assign): Buffer => Buffer.from(Assign.encode(message).finish()),
  deserialize: (bytes: Buffer): Assign => Assign.decode(bytes),
};

/** One bidirectional stream of messages that come back as they went. */
export const echoService = {
  echo: {
    path: echoPath,
    requestStream: true,
    responseStream: true,
    requestSerialize: echoCodec.serialize,
    requestDeserialize: echoCodec.deserialize,
    responseSerialize: echoCodec.serialize,
    responseDeserialize: echoCodec.deserialize,
  },
} satisfies ServiceDefinition;

/** An item as large as a small task's assignment. */
export function echoItem(index: number): AssignedTask {
  return AssignedTask.fromPartial({
    token: Buffer.alloc(32, index),
    payload: Buffer.alloc(payloadBytes, index),
    index,
    delivery: 1,
    attempt: 1,
    generation: 1,
  });
}
