import { TaskKind as WireTaskKind } from "@capstan/proto/capstan/journal/v1/spec.js";
import type { TaskKind } from "../../core/index.js";
import { varintSize } from "./byte-sink.js";
import { malformed } from "./format.js";
import { packTaskKind, readTaskKind } from "./spec-codec.js";

/** What many rows of a record point at is written once: hosts and kinds of task. */

/** Most that a tag of these tables takes. */
const tagBytesMax = 2;

export class NameTable {
  // Made when it is first needed: most records have no names.
  #indexes: Map<string, number> | undefined;
  readonly names: Uint8Array[] = [];
  /** What the names take in a record. */
  bytes = 0;

  indexOf(name: string): number {
    const indexes = (this.#indexes ??= new Map());
    let index = indexes.get(name);
    if (index === undefined) {
      index = this.names.length;
      const encoded = Buffer.from(name, "utf8");
      indexes.set(name, index);
      this.names.push(encoded);
      this.bytes += tagBytesMax + varintSize(encoded.length) + encoded.length;
    }
    return index;
  }
}

export class KindTable {
  // Made when they are first needed: most tasks are as their stage says.
  #byIdentity: Map<TaskKind, number> | undefined;
  #byBytes: Map<string, number> | undefined;
  readonly kinds: Uint8Array[] = [];
  /** What the kinds take in a record. */
  bytes = 0;

  /** From 1; 0 for undefined. Equal kinds have one number, whether or not they are one object. */
  numberOf(kind: TaskKind | undefined): number {
    if (kind === undefined) return 0;
    const byIdentity = (this.#byIdentity ??= new Map());
    const known = byIdentity.get(kind);
    if (known !== undefined) return known;
    const number = this.#intern(WireTaskKind.encode(packTaskKind(kind)).finish());
    byIdentity.set(kind, number);
    return number;
  }

  #intern(encoded: Uint8Array): number {
    const key = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString("latin1");
    const byBytes = (this.#byBytes ??= new Map());
    let number = byBytes.get(key);
    if (number === undefined) {
      this.kinds.push(encoded);
      number = this.kinds.length;
      byBytes.set(key, number);
      this.bytes += tagBytesMax + varintSize(encoded.length) + encoded.length;
    }
    return number;
  }
}

// A mark at the beginning of a string belongs to the string.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const noHosts: readonly string[] = [];

/** Lists of hosts by their indexes. Lists of one host, which are the most, are made once each. */
export class HostLists {
  readonly #names: readonly string[];
  readonly #ofOne: readonly (readonly string[])[];

  constructor(names: readonly Uint8Array[]) {
    this.#names = names.map((name) => decoder.decode(name));
    this.#ofOne = this.#names.map((name) => [name]);
  }

  /** The list whose indexes lie at [from, from + count). */
  take(indexes: Float64Array, from: number, count: number): readonly string[] {
    if (count === 0) return noHosts;
    if (count === 1) return this.#ofOne[indexes[from] as number] ?? this.#missing();
    const hosts: string[] = [];
    for (let i = from; i < from + count; i++) {
      hosts.push(this.#names[indexes[i] as number] ?? this.#missing());
    }
    return hosts;
  }

  #missing(): never {
    throw malformed("a host that has no name");
  }
}

export function readKinds(kinds: readonly Uint8Array[]): TaskKind[] {
  return kinds.map((bytes) => readTaskKind(WireTaskKind.decode(bytes)));
}
