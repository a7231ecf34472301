import type { Edge } from "./edge.js";

/** Jobs that are there when the bad input comes. */
export interface World {
  /** Being uploaded: stages `main` (2 tasks so far) and `second` (none). */
  readonly uploading: string;
  /** Complete, none of its tasks done: stage `main` with 2 partitions and 2 tasks. */
  readonly running: string;
  /** Cancelled before it was sealed. */
  readonly cancelled: string;
  /** An id that no job has. */
  readonly unknown: string;
}

/** One bad request and how it must be refused. */
export interface BadInput {
  readonly what: string;
  readonly send: (edge: Edge, world: World) => Promise<unknown>;
  readonly code: string;
  readonly reason: string;
  /** Paths in BadRequest, in order. */
  readonly fields?: readonly string[];
  /** What ErrorInfo must say, at least. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** What `fromPartial` of a message takes. */
export type PartialOf<T extends { fromPartial(object: never): unknown }> = Parameters<
  T["fromPartial"]
>[0];

export const invalid = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
export const tooLarge = { code: "RESOURCE_EXHAUSTED", reason: "LIMIT_EXCEEDED" };
export const notYet = { code: "UNIMPLEMENTED", reason: "NOT_IMPLEMENTED" };
export const noJob = { code: "NOT_FOUND", reason: "JOB_NOT_FOUND" };
export const tooEarly = { code: "FAILED_PRECONDITION" };
export const badCursor = { code: "INVALID_ARGUMENT", reason: "CURSOR_INVALID" };

/** A value that no enum has. */
export const unheardOf = 99 as never;

export const long = (bytes: number) => "x".repeat(bytes);
