import type { CapstanError } from "../errors.js";

/** A page of a list. */
export interface Page<T> {
  /** What is on it. A page may be short and yet not the last. */
  readonly items: readonly T[];
  /** Asks for the next page; `undefined` on the last. */
  readonly nextPageToken?: string;
}

/** What became of one job of many. */
export type SubmitOutcome<Handle> =
  | { readonly ok: true; readonly job: Handle }
  | { readonly ok: false; readonly error: CapstanError };
