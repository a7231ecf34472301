import type { TaskNo } from "../core/index.js";
import { UnfitError } from "./sqlite.js";

/** Tasks of one page: those whose numbers differ in the lowest bits alone. */
export const pageTasks = 1_024;

/** Of the number of a task, its page. */
export function pageOf(task: TaskNo): number {
  return Math.floor(task / pageTasks);
}

/** States of tasks as pages hold them: part of the format, never renumbered. */
export const TaskCode = {
  /** There is no such task, or it is not known here. */
  none: 0,
  blocked: 1,
  /** In line, or scheduled for later: no difference is made here. */
  waiting: 2,
  leased: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
  /** It was here, and was removed with its job. */
  removed: 7,
} as const;

const noPartitions: readonly number[] = [];

/**
 * A page of tasks, column by column: what succeeded without trouble is nothing but a row in here.
 * Numbers of tasks count up, so tasks of a page are neighbours in time, and most columns of a
 * finished page hold few values, which the bytes make use of.
 */
export class TaskPage {
  readonly no: number;
  /** Rows from here on were never used. */
  used = 0;
  readonly state = new Uint8Array(pageTasks);
  readonly stage = new Uint32Array(pageTasks);
  readonly index = new Uint32Array(pageTasks);
  /** Which of the job's kinds; 0: as its stage says. */
  readonly kind = new Uint32Array(pageTasks);
  readonly generation = new Uint16Array(pageTasks);
  readonly delivery = new Uint32Array(pageTasks);
  readonly failures = new Uint32Array(pageTasks);
  readonly lost = new Uint16Array(pageTasks);
  readonly oom = new Uint16Array(pageTasks);
  readonly deliveries = new Uint32Array(pageTasks);
  readonly body = new Float64Array(pageTasks);
  readonly bodyBytes = new Uint32Array(pageTasks);
  readonly inputBytes = new Float64Array(pageTasks);
  readonly recordCount = new Uint32Array(pageTasks);
  /** First of the blobs of its outputs; 0: there are none. */
  readonly outputs = new Float64Array(pageTasks);
  readonly outputsCount = new Uint32Array(pageTasks);
  readonly worker = new Uint32Array(pageTasks);
  readonly level = new Uint8Array(pageTasks);
  readonly grantedWall = new Float64Array(pageTasks);
  readonly endedWall = new Float64Array(pageTasks);
  /** 1: there are rows of it besides. */
  readonly troubled = new Uint8Array(pageTasks);
  /** Partitions of outputs by row, where they are not 0, 1, 2 and so on. */
  readonly partitions = new Map<number, readonly number[]>();
  /** It differs from what the database has. */
  isDirty = false;

  constructor(no: number) {
    this.no = no;
  }

  partitionsOf(row: number): readonly number[] {
    const count = this.outputsCount[row] as number;
    if (count === 0) return noPartitions;
    return this.partitions.get(row) ?? Array.from({ length: count }, (_, i) => i);
  }

  /** Is there nothing in it, and will there never be? */
  get isRemoved(): boolean {
    if (this.used < pageTasks) return false;
    return this.state.every((state) => state === TaskCode.removed || state === TaskCode.none);
  }

  /** The task is gone, and so is all that was known of it. */
  clear(row: number): void {
    for (const column of columnsOf(this)) column[row] = 0;
    this.partitions.delete(row);
    this.state[row] = TaskCode.removed;
  }

  encode(): Uint8Array {
    const { used } = this;
    const others = Buffer.from(JSON.stringify([...this.partitions]), "utf8");
    const bytes = Buffer.allocUnsafe(8 + columnsOf(this).length * (9 + 8 * used) + others.length);
    bytes.writeUInt32LE(used, 0);
    bytes.writeUInt32LE(others.length, 4);
    let at = 8;
    for (const column of columnsOf(this)) at = writeColumn(bytes, at, column, used);
    at += others.copy(bytes, at);
    return bytes.subarray(0, at);
  }

  /** @throws UnfitError if they are no page */
  static decode(no: number, bytes: Uint8Array): TaskPage {
    try {
      return TaskPage.#decode(no, bytes);
    } catch (cause) {
      throw new UnfitError(`page ${no} of tasks cannot be read`, { cause });
    }
  }

  static #decode(no: number, bytes: Uint8Array): TaskPage {
    const page = new TaskPage(no);
    const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    page.used = from.readUInt32LE(0);
    const othersBytes = from.readUInt32LE(4);
    if (page.used > pageTasks) throw new RangeError(`a page of ${page.used} tasks`);
    let at = 8;
    for (const column of columnsOf(page)) at = readColumn(from, at, column, page.used);
    const others = from.subarray(at, at + othersBytes).toString("utf8");
    for (const [row, partitions] of JSON.parse(others) as [number, number[]][]) {
      page.partitions.set(row, partitions);
    }
    return page;
  }
}

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** In the order of the bytes: part of the format. */
function columnsOf(page: TaskPage): readonly Column[] {
  return [
    ...[page.state, page.stage, page.index, page.kind, page.generation, page.delivery],
    ...[page.failures, page.lost, page.oom, page.deliveries, page.body, page.bodyBytes],
    ...[page.inputBytes, page.recordCount, page.outputs, page.outputsCount, page.worker],
    ...[page.level, page.grantedWall, page.endedWall, page.troubled],
  ];
}

/**
 * The least value, then what each is above it, in as many bytes as the largest needs: none when all
 * are equal.
 */
function writeColumn(bytes: Buffer, start: number, column: Column, rows: number): number {
  let least = rows === 0 ? 0 : (column[0] as number);
  let most = least;
  for (let row = 1; row < rows; row++) {
    const value = column[row] as number;
    if (value < least) least = value;
    else if (value > most) most = value;
  }
  const width = widthOf(most - least);
  bytes[start] = width;
  bytes.writeDoubleLE(least, start + 1);
  let at = start + 9;
  switch (width) {
    case 0:
      return at;
    case 1:
      for (let row = 0; row < rows; row++) bytes[at++] = (column[row] as number) - least;
      return at;
    case 2:
      for (let row = 0; row < rows; row++, at += 2) {
        const value = (column[row] as number) - least;
        bytes[at] = value;
        bytes[at + 1] = value >>> 8;
      }
      return at;
    case 4:
      for (let row = 0; row < rows; row++, at += 4) {
        bytes.writeUInt32LE((column[row] as number) - least, at);
      }
      return at;
    default:
      for (let row = 0; row < rows; row++, at += 8) {
        bytes.writeDoubleLE(column[row] as number, at);
      }
      return at;
  }
}

function widthOf(range: number): number {
  if (range === 0) return 0;
  if (range < 0x100) return 1;
  if (range < 0x1_0000) return 2;
  return range < 0x1_0000_0000 ? 4 : 8;
}

function readColumn(bytes: Buffer, start: number, column: Column, rows: number): number {
  const width = bytes[start] as number;
  const least = bytes.readDoubleLE(start + 1);
  let at = start + 9;
  switch (width) {
    case 0:
      column.fill(least, 0, rows);
      return at;
    case 1:
      for (let row = 0; row < rows; row++) column[row] = least + (bytes[at++] as number);
      return at;
    case 2:
      for (let row = 0; row < rows; row++, at += 2) column[row] = least + bytes.readUInt16LE(at);
      return at;
    case 4:
      for (let row = 0; row < rows; row++, at += 4) column[row] = least + bytes.readUInt32LE(at);
      return at;
    case 8:
      for (let row = 0; row < rows; row++, at += 8) column[row] = bytes.readDoubleLE(at);
      return at;
    default:
      throw new RangeError(`a column of ${width} bytes a row`);
  }
}
