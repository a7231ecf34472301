import type { EventOf, LeaseNo, OutputDraft } from "../../core/index.js";
import { assert } from "../../core/index.js";
import type { ByteSink } from "./byte-sink.js";
import { charges } from "./codes.js";
import { Columns, countVarints } from "./columns.js";
import { Fields, readColumns } from "./fields.js";
import { malformed, runEventsMax } from "./format.js";
import { HostLists, NameTable } from "./tables.js";

type TaskSucceeded = EventOf<"task_succeeded">;

/** Fields of `TaskSucceededV1`. */
const Field = {
  leases: 1,
  promoted: 12,
  firstBlob: 13,
  outputCounts: 14,
  outputs: 15,
  hosts: 19,
  hostNames: 20,
} as const;

// Columns 0 to 10 are fields 1 to 11; the next is the length of the list of outputs.
const width = 12;
const promotedCount = 10;
const outputCount = 11;
const fieldOf = (column: number) => (column === outputCount ? Field.outputCounts : column + 1);

/** Partition, body bytes, data bytes, number of hosts. */
const outputWidth = 4;
const firstBlobBytesMax = 1 + 8;

/**
 * Successes that followed each other, as columns. Blobs of their outputs count up by one over
 * the whole run, as they do when results are decided one after the other.
 */
export class SuccessRun {
  readonly #columns = new Columns(width, 64);
  readonly #promoted = new Columns(1, 0);
  readonly #outputs = new Columns(outputWidth, 64);
  readonly #hosts = new Columns(1, 0);
  #names = new NameTable();
  #firstBlob = 0;

  get count(): number {
    return this.#columns.rows;
  }

  get bytesMax(): number {
    const lists = this.#promoted.bytesMax + this.#outputs.bytesMax + this.#hosts.bytesMax;
    return this.#columns.bytesMax + lists + this.#names.bytes + firstBlobBytesMax;
  }

  /** Can the event be written in one record with those before? */
  takes({ firstBlob, outputs }: TaskSucceeded): boolean {
    if (this.count === 0) return true;
    if (this.count >= runEventsMax) return false;
    const isFirst = outputs.length === 0 || this.#outputs.rows === 0;
    return isFirst || firstBlob === this.#firstBlob + this.#outputs.rows;
  }

  add(event: TaskSucceeded): void {
    const { outputs, promoted, firstBlob } = event;
    assert(
      outputs.length === 0 ? firstBlob === 0 : firstBlob > 0,
      () => `${outputs.length} outputs from blob ${firstBlob}`,
    );
    if (outputs.length > 0 && this.#outputs.rows === 0) this.#firstBlob = firstBlob;
    const columns = this.#columns;
    const at = columns.openRow();
    const { data } = columns;
    data[at] = event.lease;
    data[at + 1] = event.task;
    data[at + 2] = event.worker;
    data[at + 3] = event.run;
    data[at + 4] = event.generation;
    data[at + 5] = event.delivery;
    data[at + 6] = event.attempt;
    data[at + 7] = charges.codeOf[event.charge];
    data[at + 8] = event.stopping ? 1 : 0;
    data[at + 9] = event.recordCount;
    data[at + promotedCount] = promoted.length;
    data[at + outputCount] = outputs.length;
    columns.closeRow(at);
    for (const lease of promoted) this.#promoted.push(lease);
    for (const output of outputs) this.#addOutput(output);
  }

  #addOutput(output: OutputDraft): void {
    const { hosts } = output;
    const at = this.#outputs.openRow();
    const { data } = this.#outputs;
    data[at] = output.partition;
    data[at + 1] = output.bodyBytes;
    data[at + 2] = output.dataBytes;
    data[at + 3] = hosts.length;
    this.#outputs.closeRow(at);
    for (const host of hosts) this.#hosts.push(this.#names.indexOf(host));
  }

  /** Writes the message and begins anew. */
  flush(sink: ByteSink): void {
    this.#columns.writeAll(sink, Field.leases, 0);
    for (let column = 1; column < outputCount; column++) {
      this.#columns.write(sink, fieldOf(column), column);
    }
    this.#promoted.write(sink, Field.promoted, 0);
    if (this.#outputs.rows > 0) {
      sink.number(Field.firstBlob, this.#firstBlob);
      this.#columns.write(sink, Field.outputCounts, outputCount);
      for (let column = 0; column < outputWidth; column++) {
        this.#outputs.write(sink, Field.outputs + column, column);
      }
      this.#hosts.write(sink, Field.hosts, 0);
      for (const name of this.#names.names) sink.field(Field.hostNames, name);
    }
    for (const columns of [this.#columns, this.#promoted, this.#outputs, this.#hosts]) {
      columns.clear();
    }
    if (this.#names.names.length > 0) this.#names = new NameTable();
  }
}

const noLeases: readonly LeaseNo[] = [];
const noOutputs: readonly OutputDraft[] = [];

/** Reads a run from bytes [start, end) and appends its events. */
export function readSuccessRun(
  bytes: Uint8Array,
  start: number,
  end: number,
  events: unknown[],
): void {
  const fields = new Fields(bytes, start, end, Field.hostNames, [Field.hostNames]);
  const rows = countVarints(bytes, fields.start(Field.leases), fields.end(Field.leases));
  if (rows === 0) throw malformed("a run of successes without any");
  const columns = Columns.ofRows(width, rows);
  for (let column = 0; column < width; column++) {
    const field = fieldOf(column);
    columns.read(bytes, fields.start(field), fields.end(field), column);
  }
  const promoted = readColumns(fields, Field.promoted, 1, columns.sum(promotedCount));
  const outputs = new OutputReader(fields, columns.sum(outputCount));
  const { data } = columns;
  let promotedAt = 0;
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    const promotedEnd = promotedAt + (data[at + promotedCount] as number);
    const outputsHere = data[at + outputCount] as number;
    const event: TaskSucceeded = {
      type: "task_succeeded",
      version: 1,
      lease: data[at] as number,
      task: data[at + 1] as number,
      worker: data[at + 2] as number,
      run: data[at + 3] as number,
      generation: data[at + 4] as number,
      delivery: data[at + 5] as number,
      attempt: data[at + 6] as number,
      charge: charges.wordOf(data[at + 7] as number),
      stopping: data[at + 8] !== 0,
      promoted:
        promotedAt === promotedEnd
          ? noLeases
          : Array.from(promoted.data.subarray(promotedAt, promotedEnd)),
      firstBlob: outputsHere === 0 ? 0 : outputs.nextBlob,
      outputs: outputs.take(outputsHere),
      recordCount: data[at + 9] as number,
    };
    events.push(event);
    promotedAt = promotedEnd;
  }
}

class OutputReader {
  readonly #outputs: Columns;
  readonly #hosts: Columns;
  readonly #lists: HostLists;
  readonly #firstBlob: number;
  #row = 0;
  #host = 0;

  constructor(fields: Fields, rows: number) {
    this.#outputs = readColumns(fields, Field.outputs, outputWidth, rows);
    this.#hosts = readColumns(fields, Field.hosts, 1, this.#outputs.sum(outputWidth - 1));
    this.#lists = new HostLists(fields.list(Field.hostNames));
    this.#firstBlob = fields.number(Field.firstBlob);
  }

  get nextBlob(): number {
    return this.#firstBlob + this.#row;
  }

  take(count: number): readonly OutputDraft[] {
    if (count === 0) return noOutputs;
    const outputs: OutputDraft[] = [];
    const { data } = this.#outputs;
    for (const end = this.#row + count; this.#row < end; this.#row++) {
      const at = this.#row * outputWidth;
      const hostCount = data[at + 3] as number;
      outputs.push({
        partition: data[at] as number,
        bodyBytes: data[at + 1] as number,
        dataBytes: data[at + 2] as number,
        hosts: this.#lists.take(this.#hosts.data, this.#host, hostCount),
      });
      this.#host += hostCount;
    }
    return outputs;
  }
}
