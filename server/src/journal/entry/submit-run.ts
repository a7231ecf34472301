import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { JobSpec as WireJobSpec } from "@capstan/proto/capstan/journal/v1/spec.js";
import type { EventOf, JobSpec, StageTasks } from "../../core/index.js";
import { assert } from "../../core/index.js";
import { ByteSink } from "./byte-sink.js";
import { Columns } from "./columns.js";
import { Fields, readColumns } from "./fields.js";
import { malformed, runEventsMax } from "./format.js";
import { packJobSpec, readJobSpec } from "./spec-codec.js";
import { readTaskRows, TaskRows } from "./task-rows.js";

type JobSubmitted = EventOf<"job_submitted">;

/** Fields of `JobSubmittedV1`. */
const Field = {
  firstJob: 1,
  spec: 2,
  ids: 3,
  keys: 4,
  fingerprints: 5,
  uploading: 6,
  openedCounts: 7,
  opened: 8,
  stageCounts: 9,
  stages: 10,
  taskCounts: 11,
  firstTask: 12,
  firstBlob: 13,
  tasks: 14,
} as const;

// Of each job: is it uploading, how many stages are open, for how many did tasks come.
const width = 3;
const openedCount = 1;
const stageCount = 2;
const fieldsOfJob = [Field.uploading, Field.openedCounts, Field.stageCounts] as const;

/** Three numbers with their tags, and the tags and lengths of the spec and of the tasks. */
const scalarBytesMax = 3 * (1 + 8) + 2 * (1 + 5);

const noTasks: readonly StageTasks[] = [];
const noPlaces: readonly number[] = [];

/**
 * Jobs that were submitted one after the other with one spec. Whoever submits many small jobs submits
 * many that are alike: then all that they share is written once. Tasks and bodies count up over the
 * whole run, as they do when jobs are decided one after the other.
 */
export class SubmitRun {
  readonly #writer = new BinaryWriter();
  #spec: JobSpec | undefined;
  #specBytes: Uint8Array = new Uint8Array(0);
  readonly #ids = new ByteSink(1_024);
  readonly #keys = new ByteSink(1_024);
  readonly #fingerprints = new ByteSink(1_024);
  readonly #jobs = new Columns(width, 16);
  readonly #opened = new Columns(1, 16);
  /** Place and count. */
  readonly #stages = new Columns(2, 16);
  readonly #tasks = new TaskRows(16);
  #firstJob = 0;
  #firstTask = 0;
  #firstBlob = 0;

  get count(): number {
    return this.#jobs.rows;
  }

  get bytesMax(): number {
    const texts = this.#ids.length + this.#keys.length + this.#fingerprints.length;
    const columns = this.#jobs.bytesMax + this.#opened.bytesMax + this.#stages.bytesMax;
    return scalarBytesMax + this.#specBytes.length + texts + columns + this.#tasks.bytesMax;
  }

  /** Can the event be written in one record with those before? */
  takes(event: JobSubmitted): boolean {
    const { count } = this;
    if (count === 0) return true;
    if (count >= runEventsMax || event.spec !== this.#spec) return false;
    if (event.job !== this.#firstJob + count) return false;
    if (event.tasks.length === 0 || this.#stages.rows === 0) return true;
    const before = this.#tasks.count;
    return (
      event.firstTask === this.#firstTask + before && event.firstBlob === this.#firstBlob + before
    );
  }

  add(event: JobSubmitted): void {
    assert(
      event.tasks.length > 0 || (event.firstTask === 0 && event.firstBlob === 0),
      () => `a job without tasks, the first of them ${event.firstTask}`,
    );
    if (this.count === 0) this.#begin(event);
    if (this.#stages.rows === 0) {
      this.#firstTask = event.firstTask;
      this.#firstBlob = event.firstBlob;
    }
    this.#ids.textOf(Field.ids, event.id);
    this.#keys.textOf(Field.keys, event.idempotencyKey);
    this.#fingerprints.textOf(Field.fingerprints, event.fingerprint);
    const at = this.#jobs.openRow();
    const { data } = this.#jobs;
    data[at] = event.uploading ? 1 : 0;
    data[at + openedCount] = event.opened.length;
    data[at + stageCount] = event.tasks.length;
    this.#jobs.closeRow(at);
    for (const place of event.opened) this.#opened.push(place);
    for (const { stage, tasks } of event.tasks) {
      const row = this.#stages.openRow();
      this.#stages.data[row] = stage;
      this.#stages.data[row + 1] = tasks.length;
      this.#stages.closeRow(row);
      for (const task of tasks) this.#tasks.add(task);
    }
  }

  #begin(event: JobSubmitted): void {
    this.#firstJob = event.job;
    if (event.spec === this.#spec) return;
    this.#spec = event.spec;
    this.#specBytes = WireJobSpec.encode(packJobSpec(event.spec), this.#writer).finish();
  }

  /** Writes the message and begins anew. */
  flush(sink: ByteSink): void {
    sink.number(Field.firstJob, this.#firstJob);
    sink.field(Field.spec, this.#specBytes);
    for (const texts of [this.#ids, this.#keys, this.#fingerprints]) {
      sink.raw(texts.view());
      texts.length = 0;
    }
    this.#jobs.write(sink, Field.uploading, 0);
    this.#jobs.write(sink, Field.openedCounts, openedCount);
    this.#opened.write(sink, Field.opened, 0);
    this.#jobs.write(sink, Field.stageCounts, stageCount);
    this.#stages.write(sink, Field.stages, 0);
    this.#stages.write(sink, Field.taskCounts, 1);
    sink.number(Field.firstTask, this.#firstTask);
    sink.number(Field.firstBlob, this.#firstBlob);
    if (this.#tasks.count > 0) sink.field(Field.tasks, this.#tasks.take());
    for (const columns of [this.#jobs, this.#opened, this.#stages]) columns.clear();
  }
}

// A mark at the beginning of a string belongs to the string.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Reads a run from bytes [start, end) and appends its events. They share one spec. */
export function readSubmitRun(
  bytes: Uint8Array,
  start: number,
  end: number,
  events: unknown[],
): void {
  const repeated = [Field.ids, Field.keys, Field.fingerprints];
  const fields = new Fields(bytes, start, end, Field.tasks, repeated);
  const ids = fields.list(Field.ids);
  const rows = ids.length;
  if (rows === 0) throw malformed("a run of jobs without any");
  const keys = textsOf(fields.list(Field.keys), rows);
  const fingerprints = textsOf(fields.list(Field.fingerprints), rows);
  const jobs = Columns.ofRows(width, rows);
  for (const [column, field] of fieldsOfJob.entries()) {
    jobs.read(bytes, fields.start(field), fields.end(field), column);
  }
  const lists = new StageLists(bytes, fields, jobs);
  const spec = readSpec(bytes, fields);
  const firstJob = fields.number(Field.firstJob);
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    const opened = lists.opened(jobs.data[at + openedCount] as number);
    const { nextTask, nextBlob } = lists;
    const tasks = lists.tasks(jobs.data[at + stageCount] as number);
    const event: JobSubmitted = {
      type: "job_submitted",
      version: 1,
      job: firstJob + row,
      id: decoder.decode(ids[row]),
      idempotencyKey: keys(row),
      fingerprint: fingerprints(row),
      uploading: jobs.data[at] !== 0,
      spec,
      opened,
      firstTask: tasks.length === 0 ? 0 : nextTask,
      firstBlob: tasks.length === 0 ? 0 : nextBlob,
      tasks,
    };
    events.push(event);
  }
}

function readSpec(bytes: Uint8Array, fields: Fields): JobSpec {
  const start = fields.start(Field.spec);
  const end = fields.end(Field.spec);
  if (end === 0) throw malformed("a job's spec is missing");
  return readJobSpec(WireJobSpec.decode(bytes.subarray(start, end)));
}

function textsOf(texts: readonly Uint8Array[], rows: number): (row: number) => string {
  if (texts.length !== rows) throw malformed(`${texts.length} texts for ${rows} jobs`);
  return (row) => decoder.decode(texts[row]);
}

/** The joined lists of a run, taken one job after the other. */
class StageLists {
  readonly #opened: Columns;
  readonly #stages: Columns;
  readonly #drafts: StageTasks["tasks"];
  readonly #firstTask: number;
  readonly #firstBlob: number;
  #openedAt = 0;
  #stage = 0;
  #task = 0;

  constructor(bytes: Uint8Array, fields: Fields, jobs: Columns) {
    this.#opened = readColumns(fields, Field.opened, 1, jobs.sum(openedCount));
    this.#stages = readColumns(fields, Field.stages, 2, jobs.sum(stageCount));
    const start = fields.start(Field.tasks);
    const end = fields.end(Field.tasks);
    this.#drafts = end === 0 ? [] : readTaskRows(bytes, start, end);
    if (this.#drafts.length !== this.#stages.sum(1)) {
      throw malformed(`${this.#drafts.length} tasks of jobs that say ${this.#stages.sum(1)}`);
    }
    this.#firstTask = fields.number(Field.firstTask);
    this.#firstBlob = fields.number(Field.firstBlob);
  }

  get nextTask(): number {
    return this.#firstTask + this.#task;
  }

  get nextBlob(): number {
    return this.#firstBlob + this.#task;
  }

  opened(count: number): readonly number[] {
    if (count === 0) return noPlaces;
    const from = this.#openedAt;
    this.#openedAt += count;
    return Array.from(this.#opened.data.subarray(from, this.#openedAt));
  }

  tasks(count: number): readonly StageTasks[] {
    if (count === 0) return noTasks;
    const stages: StageTasks[] = [];
    const { data } = this.#stages;
    for (const end = this.#stage + count; this.#stage < end; this.#stage++) {
      const from = this.#task;
      this.#task += data[2 * this.#stage + 1] as number;
      const tasks = this.#drafts.slice(from, this.#task);
      stages.push({ stage: data[2 * this.#stage] as number, tasks });
    }
    return stages;
  }
}
