import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Input as InputMessage } from "@capstan/proto/capstan/v1/common.js";
import { Input } from "@capstan/proto/capstan/v1/common.js";
import type { AssignedTask as AssignedTaskMessage } from "@capstan/proto/capstan/v1/session.js";
import { AssignedTask } from "@capstan/proto/capstan/v1/session.js";

/**
 * The body of a task in the payload store: its payload and inputs as the fields of an
 * `AssignedTask`, so that a session splices the bytes into its Assign without reading them.
 */
const payloadTag = 18;
const inputsTag = 74;

const noBody = Buffer.alloc(0);

/** @returns the body; empty when there is neither payload nor input */
export function encodeBody(payload: Buffer, inputs: readonly InputMessage[]): Uint8Array {
  if (inputs.length > 0) return encodeWithInputs(payload, inputs);
  const { length } = payload;
  if (length === 0) return noBody;
  const header = payloadHeaderBytes(length);
  const body = Buffer.allocUnsafe(header + length);
  writePayloadHeader(body, 0, length);
  body.set(payload, header);
  return body;
}

/** Writes what goes before a payload in a body, `payloadHeaderBytes` long. */
export function writePayloadHeader(into: Uint8Array, start: number, length: number): void {
  let at = start;
  into[at++] = payloadTag;
  let rest = length;
  for (; rest > 127; rest >>>= 7) into[at++] = (rest & 127) | 128;
  into[at] = rest;
}

/** What a body takes beside the content that limits speak of: the header of its payload. */
export function payloadHeaderBytes(length: number): number {
  if (length === 0) return 0;
  if (length < 128) return 2;
  if (length < 16_384) return 3;
  return length < 2_097_152 ? 4 : 5;
}

function encodeWithInputs(payload: Buffer, inputs: readonly InputMessage[]): Uint8Array {
  const writer = new BinaryWriter();
  if (payload.length > 0) writer.uint32(payloadTag).bytes(payload);
  for (const input of inputs) Input.encode(input, writer.uint32(inputsTag).fork()).join();
  return writer.finish();
}

/** Reads a body back. */
export function decodeBody(body: Uint8Array): Pick<AssignedTaskMessage, "payload" | "inputs"> {
  return AssignedTask.decode(body);
}
