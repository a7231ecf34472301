import type { EventOf, Level } from "../../core/index.js";
import type { ByteSink } from "./byte-sink.js";
import { Columns, countVarints } from "./columns.js";
import { Fields } from "./fields.js";
import { malformed, newerFormat, runEventsMax } from "./format.js";

type LeaseGranted = EventOf<"lease_granted">;

/** Fields of `LeaseGrantedV1`. Columns follow one another in their order here. */
const Field = { firstLease: 1, tasks: 2, drawsHigh: 9, drawsLow: 10, levels: 12 } as const;
const width = Field.levels - Field.tasks + 1;
const drawHigh = Field.drawsHigh - Field.tasks;
const drawLow = Field.drawsLow - Field.tasks;

/** What two draws of four bytes can take beyond what they would as varints. */
const drawBytesMore = 6;
const firstLeaseBytesMax = 1 + 8;

/** Grants that followed each other, with lease numbers that count up by one, as columns. */
export class GrantRun {
  readonly #columns = new Columns(width, 64);
  #firstLease = 0;

  get count(): number {
    return this.#columns.rows;
  }

  get bytesMax(): number {
    return this.#columns.bytesMax + drawBytesMore * this.count + firstLeaseBytesMax;
  }

  /** Can the event be written in one record with those before? */
  takes(event: LeaseGranted): boolean {
    const { count } = this;
    return count === 0 || (count < runEventsMax && event.lease === this.#firstLease + count);
  }

  add(event: LeaseGranted): void {
    const columns = this.#columns;
    if (columns.rows === 0) this.#firstLease = event.lease;
    const at = columns.openRow();
    const { data } = columns;
    data[at] = event.task;
    data[at + 1] = event.worker;
    data[at + 2] = event.run;
    data[at + 3] = event.generation;
    data[at + 4] = event.delivery;
    data[at + 5] = event.attempt;
    data[at + 6] = event.epoch;
    data[at + drawHigh] = event.drawHigh >>> 0;
    data[at + drawLow] = event.drawLow >>> 0;
    data[at + 9] = event.ahead ? 1 : 0;
    data[at + 10] = event.level;
    columns.closeRow(at);
  }

  /** Writes the message and begins anew. */
  flush(sink: ByteSink): void {
    const columns = this.#columns;
    sink.number(Field.firstLease, this.#firstLease);
    columns.writeAll(sink, Field.tasks, 0);
    for (let column = 1; column < width; column++) {
      if (column === drawHigh || column === drawLow) {
        columns.writeFixed32(sink, Field.tasks + column, column);
      } else {
        columns.write(sink, Field.tasks + column, column);
      }
    }
    columns.clear();
  }
}

/** Reads a run from bytes [start, end) and appends its events. */
export function readGrantRun(
  bytes: Uint8Array,
  start: number,
  end: number,
  events: unknown[],
): void {
  const fields = new Fields(bytes, start, end, Field.levels);
  const rows = countVarints(bytes, fields.start(Field.tasks), fields.end(Field.tasks));
  if (rows === 0) throw malformed("a run of grants without any");
  const columns = Columns.ofRows(width, rows);
  for (let column = 0; column < width; column++) {
    const field = Field.tasks + column;
    if (column === drawHigh || column === drawLow) {
      columns.readFixed32(bytes, fields.start(field), fields.end(field), column);
    } else {
      columns.read(bytes, fields.start(field), fields.end(field), column);
    }
  }
  const { data } = columns;
  const firstLease = fields.number(Field.firstLease);
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    const event: LeaseGranted = {
      type: "lease_granted",
      version: 1,
      lease: firstLease + row,
      task: data[at] as number,
      worker: data[at + 1] as number,
      run: data[at + 2] as number,
      generation: data[at + 3] as number,
      delivery: data[at + 4] as number,
      attempt: data[at + 5] as number,
      epoch: data[at + 6] as number,
      drawHigh: (data[at + drawHigh] as number) | 0,
      drawLow: (data[at + drawLow] as number) | 0,
      ahead: data[at + 9] !== 0,
      level: levelOf(data[at + 10] as number),
    };
    events.push(event);
  }
}

function levelOf(level: number): Level {
  if (level > 3) throw newerFormat(`level ${level} is not known here`);
  return level as Level;
}
