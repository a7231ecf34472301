import type { Promises } from "../auditor/promises.js";
import type { Method } from "../network/methods.js";
import type { Network } from "../network/network.js";
import { Line, type Peer } from "../network/peer.js";
import type { Refusal } from "../network/reply.js";
import type { ProcessClock } from "../process-clock.js";
import type { Random } from "../random.js";
import type { JobSketch } from "./job-sketch.js";
import { drawSketch } from "./job-sketch.js";

/** A job that a client was told the id of. */
export interface KnownJob {
  readonly id: string;
  readonly sketch: JobSketch;
}

export type Answer<A> =
  { readonly ok: true; readonly answer: A } | { readonly ok: false; readonly refusal: Refusal };

/** Refusals after which the same may help. */
const passing = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"];

/** Somebody who submits jobs and asks for them. What it does is in `actions/`. */
export class Client implements Peer {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly line = new Line();
  readonly random: Random;
  readonly network: Network;
  readonly known: KnownJob[] = [];
  /** Everything that it asked for under a key. */
  readonly asked: JobSketch[] = [];
  readonly #promises: Promises;
  readonly #haste: number;
  #sketches = 0;

  constructor(parts: {
    readonly no: number;
    readonly clock: ProcessClock;
    readonly random: Random;
    readonly network: Network;
    readonly promises: Promises;
    readonly haste: number;
  }) {
    this.name = `client-${parts.no}`;
    this.clock = parts.clock;
    this.random = parts.random;
    this.network = parts.network;
    this.#promises = parts.promises;
    this.#haste = parts.haste;
  }

  /** A job that it thinks of. @param more what is decided already */
  sketch(fitsBulk = false, more: Partial<JobSketch> = {}): JobSketch {
    this.#sketches += 1;
    const name = `${this.name}-${this.#sketches}`;
    const sketch = { ...drawSketch(this.random, name, this.#haste, fitsBulk), ...more };
    this.intend(sketch);
    return sketch;
  }

  /** Will ask for it, and may do so again: it has a key. */
  ask(sketch: JobSketch): JobSketch {
    if (sketch.key !== "") this.asked.push(sketch);
    return sketch;
  }

  /** Says what it is about to ask for, so that it can be told from what it did not. */
  intend({ name, namespace, key, payloads }: JobSketch): void {
    this.#promises.intend(name, namespace, key, payloads);
  }

  learn(id: string, sketch: JobSketch): void {
    if (!this.known.some((job) => job.id === id)) this.known.push({ id, sketch });
  }

  /** One of the jobs that it knows, the newer the likelier. */
  someJob(): KnownJob | undefined {
    const { known, random } = this;
    return known[known.length - 1 - Math.min(known.length - 1, random.below(12))];
  }

  call<Q, A>(method: Method<Q, A>, request: Q): Promise<Answer<A>> {
    return new Promise((resolve) => {
      this.network.call(this, method, request, (answer, reply) => {
        if (answer !== undefined) resolve({ ok: true, answer });
        else resolve({ ok: false, refusal: reply as Refusal });
      });
    });
  }

  /** The same call until it is answered, for what may be said twice. */
  async insist<Q, A>(method: Method<Q, A>, request: Q): Promise<Answer<A>> {
    for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 10_000)) {
      const answer = await this.call(method, request);
      if (answer.ok || !passing.includes(answer.refusal.code)) return answer;
      await this.pause(this.random.between(waitMs / 2, waitMs));
    }
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }
}
