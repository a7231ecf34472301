import type { AnswerRules } from "../auditor/answer-rules.js";
import type { StreamRules } from "../auditor/stream-rules.js";
import type { Random } from "../random.js";
import type { Scheduler } from "../scheduler.js";
import type { MasterPort } from "./master-port.js";
import type { Peer } from "./peer.js";

export interface WireParts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly delayBaseMs: number;
  readonly delayMoreMs: number;
  /** The master that is up; undefined: none is. */
  readonly master: () => MasterPort | undefined;
  readonly rules: AnswerRules;
  readonly streamRules: () => StreamRules;
  /** What crosses, for whoever looks at a run. */
  readonly trace: (line: () => string) => void;
}

/** What every way through the network has in common. */
export class Wire {
  constructor(readonly parts: WireParts) {}

  /** How long one way takes, this time. */
  delayMs(peer: Peer): number {
    const { delayBaseMs, delayMoreMs, random } = this.parts;
    return delayBaseMs + random.exponential(delayMoreMs) + peer.line.slowMs;
  }
}
