import type { Settings } from "../core/index.js";
import type { Journal } from "../journal/journal.js";
import type { Clock } from "./clock.js";
import type { EventObserver } from "./engine-port.js";
import type { Draw } from "./random.js";

/** What an engine stands on: every seam to the outside is here. */
export interface EngineOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly draw: Draw;
  readonly settings?: Partial<Settings>;
  /** What payloads may take in memory. Default 256 MiB. */
  readonly payloadBudgetBytes?: number;
  /** Is told of events once they are durable; costs nothing when there is none. */
  readonly observer?: EventObserver | undefined;
  /** The process must end: the outcome of an append is unknown, or memory may be wrong. */
  readonly onFatal: (error: unknown) => void;
}
