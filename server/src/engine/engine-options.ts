import type { EventType, Settings, State } from "../core/index.js";
import type { Journal } from "../journal/journal.js";
import type { PayloadStore, ReadBytes } from "../payloads/payload-store.js";
import type { Clock } from "./clock.js";
import type { CoreFunctions } from "./core-functions.js";
import type { EventObserver } from "./engine-port.js";
import type { Draw } from "./random.js";
import type { ReplayBase, ReplayListener } from "./replay.js";

/** What a master has in memory that comes from its journal. */
export interface EngineMemory {
  readonly state: State;
  readonly payloads: PayloadStore;
}

/** What was loaded: the effect of all entries up to an index. */
export interface LoadedBase extends ReplayBase {
  readonly index: number;
}

/** What an engine stands on: every seam to the outside is here. */
export interface EngineOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly draw: Draw;
  readonly settings?: Partial<Settings>;
  /** What payloads may take in memory. Default 256 MiB. */
  readonly payloadBudgetBytes?: number;
  /**
   * Fills what is empty with what a snapshot has; the entries after it are replayed then. Default, and when it
   * has nothing: the journal is replayed from its first entry.
   */
  readonly load?: (memory: EngineMemory) => Promise<LoadedBase | undefined>;
  /** Reads back payload bytes that are not in memory. Default: from the journal. */
  readonly readBytes?: ReadBytes;
  /** Is told how far the replay is. */
  readonly onReplay?: ReplayListener;
  /** Is told of events once they are durable; costs nothing when there is none. */
  readonly observer?: EventObserver | undefined;
  /** Of which events it is told; the others cost a look each. Default: of all. */
  readonly observes?: ReadonlySet<EventType> | undefined;
  /** Default: the core itself. */
  readonly core?: CoreFunctions;
  /** The process must end: the outcome of an append is unknown, or memory may be wrong. */
  readonly onFatal: (error: unknown) => void;
}
