import type { PlainError } from "../journal/file/thread-protocol.js";
import type { SetAside } from "./database.js";
import type { Retention } from "./history.js";
import type { Entry, HistoryStore } from "./store.js";

/** Where the thread finds the entries of the journal. */
export type Source =
  /** In the journal's folder: it reads them for itself. */
  | { readonly kind: "file"; readonly directory: string }
  /** They come with each `follow`. */
  | { readonly kind: "fed" };

/** Given to the thread when it starts. */
export interface ThreadData {
  /** Of the database, or `:memory:`. */
  readonly path: string;
  readonly retention: Retention;
  /** The longest that what was projected stays unsynced, while there is time to sync it. */
  readonly syncIntervalMs: number;
  readonly source: Source;
  readonly journal: {
    readonly id: string;
    readonly firstIndex: number;
    readonly lastIndex: number;
    /** The number that the stage after all those of these entries has. */
    readonly nextStage: number;
  };
}

/** The questions, by the methods of the store that answer them. */
export type QueryName = "job" | "jobs" | "tasks" | "task" | "outputs" | "payload";
export type QueryArguments<Q extends QueryName> = Parameters<HistoryStore[Q]>;
export type QueryAnswer<Q extends QueryName> = ReturnType<HistoryStore[Q]>;

export type ThreadRequest =
  | { readonly kind: "follow"; readonly through: number; readonly entries: readonly Entry[] }
  | { readonly kind: "expire"; readonly wall: number }
  | {
      readonly kind: "query";
      readonly id: number;
      readonly name: QueryName;
      readonly args: readonly unknown[];
    }
  | { readonly kind: "close" };

export type ThreadReply =
  | {
      readonly kind: "opened";
      readonly projected: number;
      readonly checkpoint: number;
      readonly firstJob: number;
      readonly setAside: SetAside | undefined;
      /** The journal's first entry, when those before it were cut off and history has not seen them. */
      readonly lostBelow: number | undefined;
    }
  | {
      readonly kind: "progress";
      readonly projected: number;
      readonly checkpoint: number;
      readonly firstJob: number;
    }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly error: PlainError }
  /** All that was past its retention is gone. */
  | { readonly kind: "expired" }
  /** Nothing could be written just now; it goes on by itself. */
  | { readonly kind: "trouble"; readonly error: PlainError }
  /** The thread ends. */
  | {
      readonly kind: "failed";
      readonly error: PlainError;
      readonly setAside: SetAside | undefined;
    }
  | { readonly kind: "closed" };
