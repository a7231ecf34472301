import { AssignContext } from "@capstan/proto/capstan/v1/session.js";
import type { FrameReader } from "./frame-reader.js";

// AssignContext.job_id = 2.
const jobIdTag = (2 << 3) | 2;

/** What the tasks of a stage have in common, but for the job that it is of. */
export type SharedContext = Readonly<Omit<AssignContext, "jobId">>;

/** The context of a task: jobs that are alike share all of it but their id. */
export interface StageContext {
  readonly jobId: string;
  readonly shared: SharedContext;
}

/**
 * Reads contexts. Whoever submits many small jobs submits many that are alike: of those only the id of
 * the job is read anew.
 */
export class ContextReader {
  #last: { readonly rest: Buffer; readonly shared: SharedContext } | undefined;

  /** The context at [start, stop) of the reader's frame. @throws Error when the bytes are none */
  read(reader: FrameReader, start: number, stop: number): StageContext {
    const { frame } = reader;
    let idTagAt = stop;
    let idAt = stop;
    let idEnd = stop;
    reader.at = start;
    for (let from = start; reader.next(stop); from = reader.at) {
      if (reader.tag !== jobIdTag) continue;
      // Of several the last holds, which the generated code sorts out.
      if (idTagAt !== stop) return this.#decode(frame.subarray(start, stop));
      idTagAt = from;
      idAt = reader.start;
      idEnd = reader.stop;
    }
    const rest = this.#last?.rest;
    if (rest !== undefined && isRest(rest, frame, start, idTagAt, idEnd, stop)) {
      // Ids are ASCII by contract; another is read for what it is.
      const jobId = frame.toString("utf8", idAt, idEnd);
      return { jobId, shared: (this.#last as { shared: SharedContext }).shared };
    }
    const bytes = frame.subarray(start, stop);
    const context = this.#decode(bytes);
    const before = frame.subarray(start, idTagAt);
    const after = frame.subarray(idEnd, stop);
    this.#last = { rest: Buffer.concat([before, after]), shared: context.shared };
    return context;
  }

  #decode(bytes: Buffer): StageContext {
    const { jobId, ...shared } = AssignContext.decode(bytes);
    return { jobId, shared };
  }
}

/** Is that what the frame says, without its bytes [idTagAt, idEnd)? */
function isRest(
  rest: Buffer,
  frame: Buffer,
  start: number,
  idTagAt: number,
  idEnd: number,
  stop: number,
): boolean {
  if (rest.length !== idTagAt - start + stop - idEnd) return false;
  let i = 0;
  for (let at = start; at < idTagAt; at++) if (rest[i++] !== frame[at]) return false;
  for (let at = idEnd; at < stop; at++) if (rest[i++] !== frame[at]) return false;
  return true;
}
