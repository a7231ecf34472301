import type { PartitionOutput } from "@capstan/proto/capstan/v1/common.js";
import { encodeValue, type Codec } from "../codec.js";
import { InvalidPayloadError } from "../errors.js";
import type { PartitionReference } from "../output-views.js";
import { maxOutputBytes } from "./frames.js";

/** An output in partitions, as a handler returns it. Made by {@link partitioned}. */
export class PartitionedOutput {
  /** By partition: a `Uint8Array`, a value of the codec, or a reference. */
  readonly partitions: ReadonlyMap<number, unknown>;

  constructor(partitions: ReadonlyMap<number, unknown>) {
    this.partitions = partitions;
  }
}

/** An output that is kept elsewhere, as a handler returns it. Made by {@link reference}. */
export class ReferenceOutput {
  /** Where it lies. */
  readonly reference: PartitionReference;

  constructor(reference: PartitionReference) {
    this.reference = reference;
  }
}

/**
 * Divides an output: each value goes to the partition that is its key, or its place in the array.
 * `undefined` leaves a partition empty. A value is as a handler's output: bytes, a value of the codec, or
 * a `reference(…)`. All together at most 256 KiB.
 */
export function partitioned(
  values: ReadonlyMap<number, unknown> | readonly unknown[],
): PartitionedOutput {
  if (!Array.isArray(values)) return new PartitionedOutput(values as ReadonlyMap<number, unknown>);
  return new PartitionedOutput(new Map(values.entries() as Iterable<[number, unknown]>));
}

/** Says where an output lies that is too large to carry: it becomes the locality of whoever reads it. */
export function reference(to: {
  /** Where to read it. At most 2,048 bytes. */
  readonly uri: string;
  /** How large it is. Bytes; default 0, unknown. */
  readonly sizeBytes?: number;
  /** The hosts that hold it. At most 16. */
  readonly hosts?: readonly string[];
}): ReferenceOutput {
  return new ReferenceOutput({ uri: to.uri, sizeBytes: to.sizeBytes ?? 0, hosts: to.hosts ?? [] });
}

/**
 * What a handler returned, as the contract carries it. Partitions without bytes are left out.
 * @throws InvalidPayloadError when the codec does not take a value, a partition is not one of the stage's,
 *   or all together are too large
 */
export function outputsOf(
  value: unknown,
  stage: { readonly codec: Codec; readonly partitions: number },
): PartitionOutput[] {
  if (value === undefined) return [];
  const partitions = value instanceof PartitionedOutput ? value.partitions : new Map([[0, value]]);
  const count = Math.max(1, stage.partitions);
  const outputs: PartitionOutput[] = [];
  let bytes = 0;
  for (const [partition, content] of partitions) {
    if (!Number.isInteger(partition) || partition < 0 || partition >= count) {
      throw new InvalidPayloadError(
        `the handler gave an output for partition ${partition}: the stage's partitions are 0 to ${count - 1}`,
      );
    }
    const output = outputOf(partition, content, stage.codec);
    if (output === undefined) continue;
    bytes += sizeOf(output);
    outputs.push(output);
  }
  if (bytes > maxOutputBytes) {
    const limit = `${maxOutputBytes} bytes`;
    throw new InvalidPayloadError(
      `the output has ${bytes} bytes, more than ${limit}: use references`,
    );
  }
  return outputs;
}

function outputOf(partition: number, content: unknown, codec: Codec): PartitionOutput | undefined {
  if (content instanceof ReferenceOutput) {
    const { uri, sizeBytes, hosts } = content.reference;
    const ref = { uri, sizeBytes: BigInt(Math.trunc(sizeBytes)), hosts: [...hosts] };
    return { partition, value: { $case: "ref", value: ref } };
  }
  const inline = encodeValue(codec, content) as Buffer;
  if (inline.byteLength === 0) return undefined;
  return { partition, value: { $case: "inline", value: inline } };
}

function sizeOf({ value }: PartitionOutput): number {
  if (value?.$case !== "ref") return value?.value.byteLength ?? 0;
  const { uri, hosts } = value.value;
  return Buffer.byteLength(uri) + hosts.reduce((sum, host) => sum + Buffer.byteLength(host), 0);
}
