import type { JobSpec, TaskKind } from "../spec.js";

/** Numbers of a chunk of a column, up to the last one that is not 0. */
export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/**
 * The durable state in pieces, each small enough to be written at once. Their order matters where one names
 * what another has: specs and kinds come first.
 */
export type StatePart =
  /** Specs of jobs, and kinds of tasks that are not as their stage says; counted from 0 over all such parts. */
  | { readonly kind: "specs"; readonly specs: readonly JobSpec[] }
  | { readonly kind: "kinds"; readonly kinds: readonly TaskKind[] }
  /** A chunk of a column of numbers. */
  | {
      readonly kind: "numbers";
      readonly name: string;
      readonly slot: number;
      readonly values: Numbers;
    }
  /** A chunk of a column of texts; null: there is none. */
  | {
      readonly kind: "texts";
      readonly name: string;
      readonly slot: number;
      readonly values: readonly (string | null)[];
    }
  /** A chunk of references to specs or kinds: one more than the number; 0: there is none. */
  | {
      readonly kind: "refs";
      readonly name: string;
      readonly slot: number;
      readonly values: Uint32Array;
    }
  /** Which rows of a chunk are gone for good: 1 for each that is; empty: all are. */
  | {
      readonly kind: "gone";
      readonly name: string;
      readonly slot: number;
      readonly rows: Uint8Array;
    }
  /** Whatever there are few of, as plain data that JSON takes: some rows of a map or a list, in their order. */
  | { readonly kind: "rows"; readonly name: string; readonly rows: readonly unknown[] };
