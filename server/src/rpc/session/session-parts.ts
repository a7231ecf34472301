import type { Clock } from "../../engine/clock.js";
import type { Engine } from "../../engine/engine-port.js";
import type { Log } from "../log.js";
import type { ContextCache } from "./assign-encoder.js";
import type { WireWriter } from "../wire/wire-writer.js";

/** The stream under a session: grpc, or a simulated one. It calls back what has its name here. */
export interface SessionLink {
  /** @returns false when it is full: `Session.drained` says when it is not. It never grows beyond. */
  write(frame: Buffer): boolean;
  /** Stops, or goes on, handing over what the worker sends. */
  pause(): void;
  resume(): void;
  /** Ends the stream after what is written: well, or with the status of an error. */
  end(error: unknown): void;
}

/** A session, as those beside it know it. */
export interface SessionHandle {
  /** Empty before it registered. */
  readonly workerId: string;
}

/** Who else is there: what a session must know of its siblings. */
export interface SessionDirectory {
  /** This session now stands for the worker. */
  claim(session: SessionHandle, workerId: string, incarnation: string): void;
  /** The incarnation that claimed the worker id last; undefined: its session is over. */
  incarnationOf(workerId: string): string | undefined;
  /** The session is over. */
  leave(session: SessionHandle): void;
}

export interface SessionParts {
  /** Unique in this process. */
  readonly no: number;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  readonly pingIntervalMs: number;
  readonly writer: WireWriter;
  readonly contexts: ContextCache;
  readonly link: SessionLink;
  readonly directory: SessionDirectory;
}

/** What a worker is asked when it is to go. */
export interface DrainRequest {
  /** By when; undefined: the worker's own bound. */
  readonly withinMs?: number | undefined;
  readonly note?: string;
}
