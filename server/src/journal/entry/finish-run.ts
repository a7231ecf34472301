import type { EventOf } from "../../core/index.js";
import type { ByteSink } from "./byte-sink.js";
import { jobEnds } from "./codes.js";
import { Columns, countVarints } from "./columns.js";
import { Fields } from "./fields.js";
import { malformed, runEventsMax } from "./format.js";

type JobFinished = EventOf<"job_finished">;

/** Fields of `JobFinishedV1`: columns, in this order. */
const Field = { jobs: 1, runs: 2, ends: 3 } as const;
const width = 3;

/** Ends of jobs that followed each other, as columns. */
export class FinishRun {
  readonly #columns = new Columns(width, 16);

  get count(): number {
    return this.#columns.rows;
  }

  get bytesMax(): number {
    return this.#columns.bytesMax;
  }

  /** Can one more be written in one record with those before? */
  takes(_event: JobFinished): boolean {
    return this.count < runEventsMax;
  }

  add(event: JobFinished): void {
    const at = this.#columns.openRow();
    const { data } = this.#columns;
    data[at] = event.job;
    data[at + 1] = event.run;
    data[at + 2] = jobEnds.codeOf[event.state];
    this.#columns.closeRow(at);
  }

  /** Writes the message and begins anew. */
  flush(sink: ByteSink): void {
    this.#columns.writeAll(sink, Field.jobs, 0);
    this.#columns.write(sink, Field.runs, 1);
    this.#columns.write(sink, Field.ends, 2);
    this.#columns.clear();
  }
}

/** Reads a run from bytes [start, end) and appends its events. */
export function readFinishRun(
  bytes: Uint8Array,
  start: number,
  end: number,
  events: unknown[],
): void {
  const fields = new Fields(bytes, start, end, Field.ends);
  const rows = countVarints(bytes, fields.start(Field.jobs), fields.end(Field.jobs));
  if (rows === 0) throw malformed("a run of ends of jobs without any");
  const columns = Columns.ofRows(width, rows);
  for (let column = 0; column < width; column++) {
    const field = Field.jobs + column;
    columns.read(bytes, fields.start(field), fields.end(field), column);
  }
  const { data } = columns;
  for (let at = 0; at < rows * width; at += width) {
    const event: JobFinished = {
      type: "job_finished",
      version: 1,
      job: data[at] as number,
      run: data[at + 1] as number,
      state: jobEnds.wordOf(data[at + 2] as number),
    };
    events.push(event);
  }
}
