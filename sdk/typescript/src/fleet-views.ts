import type { ResourceUnits } from "./job-definition.js";
import type { TaskCounts } from "./views.js";

/** A worker as it stands. */
export interface WorkerRecord {
  /** Who it is. */
  readonly workerId: string;
  /** Which process of it. */
  readonly incarnation: string;
  /**
   * Whether it is there. `disconnected`: it has no session, and is lost unless it comes back within a
   * lease term. `left`: it drained, holds nothing any more, and went.
   */
  readonly connection: "unknown" | "connected" | "lost" | "disconnected" | "left";
  /** Whether it gets tasks. */
  readonly admission: "unknown" | "open" | "draining" | "excluded";
  /** The namespaces that it serves. */
  readonly namespaces: readonly string[];
  /** Its host; empty when it did not say. */
  readonly host: string;
  /** Its rack; empty when it did not say. */
  readonly rack: string;
  /** What it has in all, in units. */
  readonly capacity: ResourceUnits;
  /** What is in use of that, in units. */
  readonly used: ResourceUnits;
  /** Its labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The types of task that it serves. */
  readonly taskTypes: readonly string[];
  /** Its leases, by how they stand on the ledger. */
  readonly leases: {
    /** Within its resources, not started. */
    readonly fit: number;
    /** Beyond them, waiting at the worker. */
    readonly ahead: number;
    /** Started. */
    readonly running: number;
    /** Taken away, and not ended yet. */
    readonly stopping: number;
  };
  /** How many unsettled leases it takes; 0 without a session. */
  readonly creditTasks: number;
  /** How many leases ahead of its resources it takes. */
  readonly prefetchTasks: number;
  /** What it is built with. */
  readonly sdkName: string;
  /** The version of that. */
  readonly sdkVersion: string;
  /** Its session; empty when it has none. */
  readonly session: string;
  /** Where its session comes from; empty when it has none. */
  readonly peer: string;
  /** How long ago it was last heard. Milliseconds; absent when it was not since the master started. */
  readonly silentMs?: number;
  /** How many tasks it has finished well since it registered. */
  readonly succeeded: number;
  /** How many attempts have failed on it since it registered. */
  readonly failed: number;
  /** Why it drains or is excluded. */
  readonly note: string;
  /** When this incarnation registered. */
  readonly registeredAt?: Date;
}

/** What a master is and how it fares. */
export interface MasterInfo {
  /** Its version. */
  readonly version: string;
  /** What part it plays. */
  readonly role: "unknown" | "leader" | "follower" | "starting" | "stopping";
  /** The leader's address, as far as it is known. */
  readonly leaderAddress: string;
  /** The oldest version of the workers' protocol that it speaks. */
  readonly protocolMin: number;
  /** The newest. */
  readonly protocolMax: number;
  /** The optional parts of that protocol that it speaks. */
  readonly features: readonly string[];
  /** How many workers are connected. */
  readonly workersConnected: number;
  /** How many jobs have not ended. */
  readonly jobsActive: number;
  /** How its tasks stand, over all jobs that have not ended. */
  readonly tasks: TaskCounts;
  /** The limits that it holds to, by name. */
  readonly limits: Readonly<Record<string, number>>;
  /** How long it has been running. Milliseconds. */
  readonly uptimeMs: number;
  /** When it was started. */
  readonly startedAt?: Date;
  /** How its journal stands, in the JSON mapping of `capstan.v1.JournalStatus`. */
  readonly journal: unknown;
}
