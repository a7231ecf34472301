import type { Codec } from "../codec.js";
import type { ConnectionOptions } from "../connection.js";
import type { ResourceUnits } from "../job-definition.js";
import type { OnDrain } from "./drain-news.js";

/** How a {@link Worker} is set up. */
export interface WorkerOptions extends ConnectionOptions {
  /** The namespaces that it serves. Default `["default"]`. */
  readonly namespaces?: readonly string[];
  /**
   * Who it is, unique in the fleet and the same after a restart of its process.
   * `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`. Default: the host's name and the least number from 1 that no live
   * worker of this machine has (`maps-1`, `maps-2`), so host names must be unique; where the temporary folder
   * cannot be written, a random part.
   */
  readonly workerId?: string;
  /** The host that it runs on, as the hosts of inputs are named. Default the machine's host name. */
  readonly host?: string;
  /** The rack of that host. Default none known. */
  readonly rack?: string;
  /** What it has in all, in units: `{ slots: 4, memory: 2048 }`, something of it above 0. Default one slot. */
  readonly resources?: ResourceUnits;
  /** The same as `resources: { slots }`, added to what `resources` names. */
  readonly slots?: number;
  /** Words for constraints to match. At most 32. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * How many tasks beyond its resources it takes, to have the next one at hand. 0 to 1,024; default 0.
   *
   * Set it where tasks take but a few milliseconds: without it each slot that becomes free waits for a round trip (four
   * slots and tasks that do nothing: some 6,000 a second with 0, more than ten times that with 256). Leave it at 0
   * where tasks are long: what lies ready here is not at hand for another worker that is idle.
   */
  readonly prefetchTasks?: number;
  /**
   * The credit: how many tasks it holds at once whose end the master has not confirmed. 1 to 4,096; default
   * its slots, `prefetchTasks` and 1,024 more, at most 4,096.
   */
  readonly maxTasks?: number;
  /** How many bytes of payload and inputs they may have together. Default 64 MiB. */
  readonly maxBytes?: number;
  /** How long started tasks may go on once it drains. Milliseconds; default 30,000. */
  readonly drainTimeoutMs?: number;
  /**
   * How long handlers that were aborted at that bound may take to end; their leases are held meanwhile, so that
   * nobody else is given their tasks. Milliseconds; default 5,000.
   */
  readonly abortGraceMs?: number;
  /**
   * Whether `run` drains the worker on SIGTERM and SIGINT; a second signal ends the process at once with 128
   * + its number. A handler that does not stop does not keep the process: see `run`. Default true.
   */
  readonly installSignalHandlers?: boolean;
  /**
   * Called when the worker begins to drain, when handlers would not stop, and when it has gone. Default: a line
   * on stderr for each. `() => {}` says nothing.
   */
  readonly onDrain?: OnDrain | undefined;
  /** What payloads and outputs that are no raw bytes go through. Default JSON. */
  readonly codec?: Codec;
  /** Whether a thread of its own renews leases while a handler blocks the event loop. Default true. */
  readonly heartbeatThread?: boolean;
  /** The waits between attempts to connect: full jitter over a doubling ceiling. Default 100 to 10,000 ms. */
  readonly reconnect?: {
    /** The first ceiling. Milliseconds. */
    readonly baseMs?: number;
    /** The last ceiling. Milliseconds. */
    readonly capMs?: number;
  };
}

/** How a worker is drained. */
export interface DrainOptions {
  /** How long started tasks may go on. Milliseconds; default the worker's `drainTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Why, for people. */
  readonly note?: string;
}

/** What a worker has done, measured in the worker. */
export interface WorkerStats {
  /** Handlers started. */
  readonly started: number;
  /** Handlers ended, well or not. */
  readonly ended: number;
  /** Leases settled by the master, whatever their outcome. */
  readonly settled: number;
  /** Settlements by outcome (`succeeded`, `retry`, `stale`, …). */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Results sent again after a reconnect. */
  readonly resent: number;
  /** Leases that the master let go on after a reconnect. */
  readonly resumed: number;
  /** Leases whose end came with `Registered`: their result had become durable before the link broke. */
  readonly settledAtRegister: number;
  /** Leases that the master did not have any more after a reconnect. */
  readonly lost: number;
  /** Sessions that stood. */
  readonly sessions: number;
  /** Handlers at work now. */
  readonly running: number;
  /** The most handlers that were ever at work at once. */
  readonly maxRunning: number;
  /** The most slots that were ever in use at once. Slots, to thousandths. */
  readonly maxSlotsInUse: number;
  /** Sum over tasks of the time from the handler's start to the settlement, times its slots. Slot-milliseconds. */
  readonly busySlotMs: number;
  /** Sum over tasks of the time from the handler's start to its end, times its slots. Slot-milliseconds. */
  readonly handlerSlotMs: number;
}
