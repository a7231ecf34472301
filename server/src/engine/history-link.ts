import type { History } from "../history/history.js";
import type { Clock } from "./clock.js";
import type { Engine } from "./engine-port.js";

/** How often the core learns how far history has come. */
const tickMs = 1_000;
/** How often history is told to remove what is past its retention, in ticks. */
const expireTicks = 60;
/** Entries that are durable and not in the history: from here on it is worth a word, and again no more. */
const backlogMax = 20_000;
const backlogOver = 1_000;

/** What is said of the distance between journal and history. */
export interface Backlog {
  readonly isBehind: boolean;
  readonly entries: number;
}

/**
 * Between engine and history: tells the one how far the journal is durable, the other how far it has
 * been projected for good, upon which jobs that have ended leave the core. Neither waits for it.
 */
export class HistoryLink {
  readonly #engine: Engine;
  readonly #history: History;
  readonly #clock: Clock;
  readonly #onBacklog: (backlog: Backlog) => void;
  readonly #stopListening: readonly (() => void)[];
  #stopTimer: (() => void) | undefined;
  /** All that was decided before this time is durable with this entry. */
  #mark: { readonly now: number; readonly index: number } | undefined;
  #isMarking = false;
  /** What the core was told of where the history begins. */
  #begins = 0;
  #ticks = 0;
  #isBehind = false;

  /** @param onBacklog is told when history has fallen far behind, and when it has caught up */
  constructor(
    engine: Engine,
    history: History,
    clock: Clock,
    onBacklog: (backlog: Backlog) => void,
  ) {
    this.#engine = engine;
    this.#history = history;
    this.#clock = clock;
    this.#onBacklog = onBacklog;
    const onDurable = engine.onDurable((index) => {
      history.follow(index);
    });
    const onSynced = history.onSynced(() => {
      this.#noteBeginning();
      this.#noteIfSynced();
    });
    this.#stopListening = [onDurable, onSynced];
    history.follow(engine.durableIndex);
    this.#noteBeginning();
    this.#tick();
  }

  stop(): void {
    for (const stop of this.#stopListening) stop();
    this.#stopTimer?.();
  }

  #tick(): void {
    if (this.#ticks++ % expireTicks === 0) void this.#history.expire(this.#clock.wallMs());
    this.#watchBacklog();
    this.#setMark();
    this.#stopTimer = this.#clock.setTimer(tickMs, () => {
      this.#tick();
    });
  }

  /** One at a time: while history is behind, the next would only come later. */
  #setMark(): void {
    if (this.#mark !== undefined || this.#isMarking) return;
    this.#isMarking = true;
    this.#engine
      .read((_, { now }) => now)
      .then(
        (now) => {
          this.#mark = { now, index: this.#engine.durableIndex };
          this.#noteIfSynced();
        },
        // It is closing.
        () => undefined,
      )
      .finally(() => {
        this.#isMarking = false;
      });
  }

  /** First of all: what the history does not have is not to leave. */
  #noteBeginning(): void {
    const { firstJob } = this.#history;
    if (firstJob === this.#begins) return;
    this.#begins = firstJob;
    this.#engine.note({ kind: "note_history_begins", job: firstJob });
  }

  #noteIfSynced(): void {
    const mark = this.#mark;
    if (mark === undefined || this.#history.checkpoint < mark.index) return;
    this.#mark = undefined;
    this.#engine.note({ kind: "note_projected", through: mark.now });
  }

  #watchBacklog(): void {
    const entries = this.#engine.durableIndex - this.#history.checkpoint;
    const isBehind = entries > (this.#isBehind ? backlogOver : backlogMax);
    if (isBehind === this.#isBehind) return;
    this.#isBehind = isBehind;
    this.#onBacklog({ isBehind, entries });
  }
}
