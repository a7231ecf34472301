import type { TaskDraft } from "../../core/index.js";
import { ByteSink, varintSize } from "./byte-sink.js";
import { columnHeaderBytesMax, Columns } from "./columns.js";
import { Fields, readColumns } from "./fields.js";
import { malformed } from "./format.js";
import { HostLists, KindTable, NameTable, readKinds } from "./tables.js";

/** Fields of `TaskRows`. */
const Field = { count: 1, bodyBytes: 2, hosts: 8, kinds: 9, hostNames: 10 } as const;

/** Body bytes, input bytes, delay, records, kind, number of hosts: fields 2 to 7. */
const width = 6;
const kindNumber = 4;
const hostCount = 5;

/** The count, with its tag. */
const countBytesMax = 1 + 5;

/** Tasks as columns, with each of their kinds and hosts once. */
export class TaskRows {
  readonly #columns: Columns;
  readonly #hosts = new Columns(1, 0);
  #names = new NameTable();
  #kinds = new KindTable();
  readonly #sink = new ByteSink(256);

  /** @param capacity for how many there is room before it grows */
  constructor(capacity: number) {
    this.#columns = new Columns(width, capacity);
  }

  get count(): number {
    return this.#columns.rows;
  }

  add(task: TaskDraft): void {
    const { hosts } = task;
    const at = this.#columns.openRow();
    const { data } = this.#columns;
    data[at] = task.bodyBytes;
    data[at + 1] = task.inputBytes;
    data[at + 2] = task.delayMs;
    data[at + 3] = task.recordCount;
    data[at + kindNumber] = this.#kinds.numberOf(task.kind);
    data[at + hostCount] = hosts.length;
    this.#columns.closeRow(at);
    for (const host of hosts) this.#hosts.push(this.#names.indexOf(host));
  }

  addAll(tasks: readonly TaskDraft[]): void {
    this.#columns.reserve(tasks.length);
    for (const task of tasks) this.add(task);
  }

  /** Most bytes that the message takes. */
  get bytesMax(): number {
    const tables = this.#hosts.bytesMax + this.#names.bytes + this.#kinds.bytes;
    return countBytesMax + this.#columns.bytesMax + tables;
  }

  /** The message; good until the next call. Begins anew. */
  take(): Uint8Array {
    const sink = this.#sink;
    sink.length = 0;
    sink.number(Field.count, this.count);
    for (let column = 0; column < width; column++) {
      this.#columns.write(sink, Field.bodyBytes + column, column);
    }
    this.#hosts.write(sink, Field.hosts, 0);
    for (const kind of this.#kinds.kinds) sink.field(Field.kinds, kind);
    for (const name of this.#names.names) sink.field(Field.hostNames, name);
    this.#clear();
    return sink.view();
  }

  #clear(): void {
    this.#columns.clear();
    this.#hosts.clear();
    if (this.#names.names.length > 0) this.#names = new NameTable();
    if (this.#kinds.kinds.length > 0) this.#kinds = new KindTable();
  }
}

/**
 * As `TaskRows.bytesMax`, and without columns where there is nothing to look up, which is the rule:
 * each command is weighed before it is decided.
 */
export function tasksBytesMax(tasks: readonly TaskDraft[]): number {
  // No hosts and no kind: two zeros.
  let weight = 2 * tasks.length;
  for (const { bodyBytes, inputBytes, delayMs, recordCount, hosts, kind } of tasks) {
    if (hosts.length > 0 || kind !== undefined) return rowsBytesMax(tasks);
    weight += varintSize(bodyBytes) + varintSize(inputBytes);
    weight += varintSize(delayMs) + varintSize(recordCount);
  }
  return countBytesMax + weight + (width + 1) * columnHeaderBytesMax;
}

function rowsBytesMax(tasks: readonly TaskDraft[]): number {
  const rows = new TaskRows(0);
  rows.addAll(tasks);
  return rows.bytesMax;
}

/** Reads the message in bytes [start, end). */
export function readTaskRows(bytes: Uint8Array, start: number, end: number): TaskDraft[] {
  const repeated = [Field.kinds, Field.hostNames];
  const fields = new Fields(bytes, start, end, Field.hostNames, repeated);
  const columns = readColumns(fields, Field.bodyBytes, width, fields.number(Field.count));
  const hosts = readColumns(fields, Field.hosts, 1, columns.sum(hostCount)).data;
  const lists = new HostLists(fields.list(Field.hostNames));
  const kinds = readKinds(fields.list(Field.kinds));
  const tasks: TaskDraft[] = [];
  const { data, rows } = columns;
  let host = 0;
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    const hostsHere = data[at + hostCount] as number;
    const number = data[at + kindNumber] as number;
    // Two literals, because spreading one into another takes longer than all the rest.
    const bodyBytes = data[at] as number;
    const inputBytes = data[at + 1] as number;
    const delayMs = data[at + 2] as number;
    const recordCount = data[at + 3] as number;
    const own = lists.take(hosts, host, hostsHere);
    host += hostsHere;
    if (number === 0) {
      tasks.push({ bodyBytes, hosts: own, inputBytes, delayMs, recordCount });
    } else {
      const kind = kinds[number - 1];
      if (kind === undefined) throw malformed("a kind of task that is not described");
      tasks.push({ bodyBytes, hosts: own, inputBytes, kind, delayMs, recordCount });
    }
  }
  return tasks;
}
