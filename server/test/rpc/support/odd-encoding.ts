import { Prng } from "../../core/support/prng.js";

/**
 * Other encodings of a message that are legal and mean the same. Fields may come in any order and, where
 * they are no lists, more than once, the last of them holds; varints may be longer than they must be;
 * defaults may be written out; what is not known is passed over.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** How a field of a message is written. `list`: repeated, or a map; `implicit`: without presence. */
export interface Shape {
  readonly kind: "varint" | "bool" | "fixed64" | "bytes" | "message";
  readonly list?: boolean;
  readonly implicit?: boolean;
  readonly of?: Schema;
}

/** The shapes of a message's fields by their numbers. */
export type Schema = Readonly<Record<number, Shape>>;

const text: Shape = { kind: "bytes", implicit: true };
const texts: Shape = { kind: "bytes", list: true };
const number: Shape = { kind: "varint", implicit: true };
const optional: Shape = { kind: "varint" };
const bool: Shape = { kind: "bool", implicit: true };
const double: Shape = { kind: "fixed64" };
const one = (of: Schema): Shape => ({ kind: "message", of });
const many = (of: Schema): Shape => ({ kind: "message", of, list: true });

const resource: Schema = { 1: text, 2: number };
const requirement: Schema = { 1: text, 2: number, 3: texts };
const preference: Schema = { 1: one(requirement), 2: number };
const constraints: Schema = { 1: many(requirement), 2: many(preference) };
const input: Schema = { 1: text, 2: number, 3: number, 4: texts };
const classPolicy: Schema = { 1: text, 2: optional, 3: optional, 4: double, 5: optional };
const retry: Schema = {
  ...{ 1: optional, 2: optional, 3: double, 4: optional },
  ...{ 5: texts, 6: many(classPolicy) },
};
const budgets: Schema = { 1: optional, 2: optional, 3: optional, 4: optional };
const policy: Schema = {
  ...{ 1: one(retry), 2: optional, 3: optional, 4: optional },
  ...{ 5: one(budgets), 6: number, 7: { kind: "bool" } },
};
const onTaskFailure: Schema = { 1: one({}), 2: one({}), 3: one({ 1: optional, 2: double }) };
const task: Schema = {
  ...{ 1: text, 2: many(input), 3: optional, 4: text, 5: many(resource) },
  ...{ 6: one(constraints), 7: optional, 8: optional, 9: optional, 10: optional },
};
const stage: Schema = {
  ...{ 1: text, 2: text, 3: many({ 1: text, 2: number }), 4: optional },
  ...{ 5: many(resource), 6: one(constraints), 7: many(task) },
};
const job: Schema = {
  ...{ 1: text, 2: many(stage), 3: one(policy), 4: many({ 1: text, 2: one(policy) }) },
  ...{ 5: one(onTaskFailure), 6: many({ 1: text, 2: text }), 7: number, 8: optional },
  ...{ 9: optional, 10: optional, 11: one({ 1: number, 2: optional, 3: optional, 4: number }) },
  12: one({ 1: number, 2: optional }),
};
const trace: Schema = { 1: text, 2: text, 3: text };

const output: Schema = {
  1: number,
  2: { kind: "bytes" },
  3: one({ 1: text, 2: number, 3: texts }),
};
// What is within these is for the generated code to read.
const opaque: Shape = { kind: "message" };
const workerMessage: Schema = {
  ...{ 1: opaque, 2: one({ 1: number, 2: optional }), 3: one({ 1: number }), 4: one({ 1: texts }) },
  ...{ 5: opaque, 7: opaque, 8: opaque, 9: opaque, 10: opaque, 11: opaque, 12: opaque },
  6: one({
    1: text,
    2: many(output),
    3: optional,
    4: many({ 1: number, 2: text, 3: text, 4: opaque }),
  }),
};

/** Schemas of the messages that are read by hand. */
export const schemas = {
  pullTasks: { 1: many(workerMessage) },
  submitJob: { 1: text, 2: text, 3: one(job), 4: bool, 5: one(trace) },
  submitJobs: { 1: text, 2: many({ 1: text, 2: one(job), 3: bool, 4: one(trace) }) },
  appendTasks: { 1: text, 2: text, 3: text, 4: number, 5: many(task) },
} as const satisfies Record<string, Schema>;

/** @returns another encoding of the message, drawn from a seed */
export function oddly(bytes: Uint8Array, schema: Schema, seed: number): Buffer {
  return new OddWriter(new Prng(seed)).message(bytes, schema);
}

interface Field {
  readonly number: number;
  readonly wire: number;
  readonly content: Buffer;
}

/** What a length-delimited field holds, or the bytes of any other. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    let from = at;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else {
      const length = Number(varint());
      from = at;
      at += length;
    }
    fields.push({ number: tag >>> 3, wire, content: bytes.subarray(from, at) });
  }
  return fields;
}

class OddWriter {
  constructor(private readonly prng: Prng) {}

  message(bytes: Uint8Array, schema: Schema): Buffer {
    const { prng } = this;
    // Fields of one number keep their order; those of several numbers take turns as they are drawn.
    const queues = new Map<number, Buffer[]>();
    const push = (field: number, encoded: Buffer) => {
      const queue = queues.get(field);
      if (queue === undefined) queues.set(field, [encoded]);
      else queue.push(encoded);
    };
    for (const { number, wire, content } of fieldsOf(Buffer.from(bytes))) {
      const shape = schema[number];
      if (shape === undefined) throw new Error(`the schema has no field ${number}`);
      if (shape.list !== true && prng.chance(0.2)) push(number, this.#decoy(number, shape));
      push(number, this.#field(number, wire, content, shape));
    }
    for (const [key, shape] of Object.entries(schema)) {
      const number = Number(key);
      if (prng.chance(0.1)) push(number, this.#ofOtherWireType(number, shape));
      if (queues.has(number) || shape.implicit !== true || !prng.chance(0.2)) continue;
      push(number, this.#zero(number, shape));
    }
    for (let i = prng.below(3); i > 0; i--) push(-i, this.#unknown(50 + prng.below(1_000_000)));
    const parts: Buffer[] = [];
    const left = [...queues.values()];
    while (left.length > 0) {
      const at = prng.below(left.length);
      const queue = left[at] as Buffer[];
      parts.push(queue.shift() as Buffer);
      if (queue.length === 0) left.splice(at, 1);
    }
    return Buffer.concat(parts);
  }

  #field(number: number, wire: number, content: Buffer, shape: Shape): Buffer {
    if (shape.kind === "bool" && content[0] === 1) {
      const trues = [1n, 2n, 0x80n, 2n ** 32n, 2n ** 63n];
      return this.#join(this.#tag(number, 0), this.#varint(this.prng.pick(trues), 10));
    }
    if (wire === 0) return this.#join(this.#tag(number, 0), this.#longer(content, 10));
    if (wire === 1) return this.#join(this.#tag(number, 1), content);
    return this.#bytes(number, shape.of === undefined ? content : this.message(content, shape.of));
  }

  /** What a later field of the same number overrules. Of a message: an empty one, which adds nothing. */
  #decoy(number: number, { kind }: Shape): Buffer {
    if (kind === "message") return this.#bytes(number, Buffer.alloc(0));
    if (kind === "bytes") return this.#bytes(number, Buffer.from(`decoy ${this.prng.below(99)}`));
    if (kind === "fixed64") return this.#join(this.#tag(number, 1), this.#noise(8));
    return this.#join(this.#tag(number, 0), this.#varint(BigInt(this.prng.uint32()), 10));
  }

  #zero(number: number, { kind }: Shape): Buffer {
    if (kind === "bytes") return this.#bytes(number, Buffer.alloc(0));
    return this.#join(this.#tag(number, 0), this.#varint(0n, 10));
  }

  /** A field that is known, in a wire type that it does not have: it is as good as unknown. */
  #ofOtherWireType(number: number, { kind }: Shape): Buffer {
    const own = kind === "varint" || kind === "bool" ? 0 : kind === "fixed64" ? 1 : 2;
    return this.#ofWireType(number, this.prng.pick([0, 1, 2, 3, 5].filter((wire) => wire !== own)));
  }

  #unknown(number: number): Buffer {
    return this.#ofWireType(number, this.prng.pick([0, 1, 2, 3, 5]));
  }

  #ofWireType(number: number, wire: number): Buffer {
    const tag = this.#tag(number, wire);
    if (wire === 0) return this.#join(tag, this.#varint(BigInt(this.prng.uint32()), 10));
    if (wire === 1) return this.#join(tag, this.#noise(8));
    if (wire === 5) return this.#join(tag, this.#noise(4));
    if (wire === 2) return this.#bytes(number, this.#noise(this.prng.below(20)));
    const within = this.prng.chance(0.7) ? this.#unknown(number + 1) : Buffer.alloc(0);
    return this.#join(tag, within, this.#tag(number, 4));
  }

  #bytes(number: number, content: Buffer): Buffer {
    return this.#join(this.#tag(number, 2), this.#varint(BigInt(content.length), 5), content);
  }

  #tag(number: number, wire: number): Buffer {
    return this.#varint(BigInt(number * 8 + wire), 5);
  }

  #varint(value: bigint, bytesMax: number): Buffer {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    return this.#longer(Buffer.from(bytes), bytesMax);
  }

  /** The same varint, perhaps in more bytes than it needs. */
  #longer(varint: Buffer, bytesMax: number): Buffer {
    const more = this.prng.chance(0.2) ? this.prng.below(bytesMax - varint.length + 1) : 0;
    if (more === 0) return varint;
    const longer = Buffer.concat([varint, Buffer.alloc(more, 0x80)]);
    for (let i = 0; i < longer.length - 1; i++) longer[i] = (longer[i] as number) | 0x80;
    longer[longer.length - 1] = 0;
    return longer;
  }

  #noise(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.prng.below(256)));
  }

  #join(...parts: readonly Buffer[]): Buffer {
    return Buffer.concat(parts);
  }
}
