import type { EventOf, TaskDraft } from "../../core/index.js";
import { type ByteSink, varintSize } from "./byte-sink.js";
import { columnHeaderBytesMax, Columns } from "./columns.js";
import { Fields, readColumns } from "./fields.js";
import { malformed } from "./format.js";
import { HostLists, KindTable, NameTable, readKinds } from "./tables.js";

type TasksAdded = EventOf<"tasks_added">;

/** Fields of `TasksAddedV1`. */
const Field = {
  job: 1,
  stage: 2,
  firstTask: 3,
  firstIndex: 4,
  firstBlob: 5,
  count: 6,
  bodyBytes: 7,
  hosts: 13,
  kinds: 14,
  hostNames: 15,
} as const;

/** Body bytes, input bytes, delay, records, kind, number of hosts: fields 7 to 12. */
const width = 6;
const kindNumber = 4;
const hostCount = 5;

/** Job to count: six numbers with their tags. */
const scalarBytesMax = 6 * (1 + 8);

/** Tasks as columns, with each of their kinds and hosts once. */
export class TaskColumns {
  readonly #columns: Columns;
  readonly #hosts = new Columns(1, 0);
  readonly #names = new NameTable();
  readonly #kinds = new KindTable();

  constructor(tasks: readonly TaskDraft[]) {
    this.#columns = new Columns(width, tasks.length);
    for (const task of tasks) this.#add(task);
  }

  #add(task: TaskDraft): void {
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

  /** Most bytes that the message takes. */
  get bytesMax(): number {
    const tables = this.#hosts.bytesMax + this.#names.bytes + this.#kinds.bytes;
    return scalarBytesMax + this.#columns.bytesMax + tables;
  }

  write(sink: ByteSink): void {
    for (let column = 0; column < width; column++) {
      this.#columns.write(sink, Field.bodyBytes + column, column);
    }
    this.#hosts.write(sink, Field.hosts, 0);
    for (const kind of this.#kinds.kinds) sink.field(Field.kinds, kind);
    for (const name of this.#names.names) sink.field(Field.hostNames, name);
  }
}

/**
 * As `TaskColumns.bytesMax`, and without columns where there is nothing to look up, which is the
 * rule: each command is weighed before it is decided.
 */
export function tasksBytesMax(tasks: readonly TaskDraft[]): number {
  // No hosts and no kind: two zeros.
  let weight = 2 * tasks.length;
  for (const { bodyBytes, inputBytes, delayMs, recordCount, hosts, kind } of tasks) {
    if (hosts.length > 0 || kind !== undefined) return new TaskColumns(tasks).bytesMax;
    weight += varintSize(bodyBytes) + varintSize(inputBytes);
    weight += varintSize(delayMs) + varintSize(recordCount);
  }
  return scalarBytesMax + weight + (width + 1) * columnHeaderBytesMax;
}

export function writeTasksAdded(sink: ByteSink, event: TasksAdded): void {
  sink.number(Field.job, event.job);
  sink.number(Field.stage, event.stage);
  sink.number(Field.firstTask, event.firstTask);
  sink.number(Field.firstIndex, event.firstIndex);
  sink.number(Field.firstBlob, event.firstBlob);
  sink.number(Field.count, event.tasks.length);
  new TaskColumns(event.tasks).write(sink);
}

/** Reads the message in bytes [start, end). */
export function readTasksAdded(bytes: Uint8Array, start: number, end: number): TasksAdded {
  const repeated = [Field.kinds, Field.hostNames];
  const fields = new Fields(bytes, start, end, Field.hostNames, repeated);
  return {
    type: "tasks_added",
    version: 1,
    job: fields.number(Field.job),
    stage: fields.number(Field.stage),
    firstTask: fields.number(Field.firstTask),
    firstIndex: fields.number(Field.firstIndex),
    firstBlob: fields.number(Field.firstBlob),
    tasks: readTasks(fields),
  };
}

function readTasks(fields: Fields): TaskDraft[] {
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
