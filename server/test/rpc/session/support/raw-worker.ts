import assert from "node:assert/strict";
import { PullTasksRequest, PullTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type {
  AssignedTask,
  HeldLease,
  MasterMessage,
  Register,
  WorkerMessage,
} from "@capstan/proto/capstan/v1/session.js";
import {
  HeldState,
  Register as Registers,
  WorkerMessage as WorkerMessages,
} from "@capstan/proto/capstan/v1/session.js";
import { CallRefusedError } from "../../../../src/rpc/errors.js";
import type { Session, SessionLink } from "../../../../src/rpc/session/index.js";
import type { Bench } from "./bench.js";
import { turn } from "./test-clock.js";

export type Case = NonNullable<MasterMessage["message"]>["$case"];
type ValueOf<C extends Case> = Extract<
  NonNullable<MasterMessage["message"]>,
  { $case: C }
>["value"];
export type Says = NonNullable<WorkerMessage["message"]>;

let nextId = 0;

/** A worker without any sense of its own: it says what the test says, and shows what it hears. */
export class RawWorker implements SessionLink {
  readonly session: Session;
  readonly heard: MasterMessage[] = [];
  /** Sizes of the frames that came. */
  readonly frames: number[] = [];
  /** How the stream ended; undefined: it has not. */
  ended: { readonly error: unknown } | undefined;
  isPaused = false;
  /** How many frames the stream takes before it is full. */
  room = Infinity;
  #taken = new Set<MasterMessage>();

  constructor(readonly bench: Bench) {
    this.session = bench.sessions.open(this);
  }

  // What the session sees.

  write(frame: Buffer): boolean {
    assert(this.room > 0, "written to a stream that was full");
    assert(this.ended === undefined, "written to a stream that has ended");
    this.frames.push(frame.length);
    this.heard.push(...PullTasksResponse.decode(frame).messages);
    this.room -= 1;
    return this.room > 0;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(error: unknown): void {
    this.ended ??= { error };
  }

  // What the test does.

  say(...messages: readonly Says[]): void {
    const list = messages.map((message) => WorkerMessages.fromPartial({ message }));
    this.session.receive(PullTasksRequest.encode({ messages: list }).finish());
  }

  async register(fields: Partial<Register> = {}): Promise<ValueOf<"registered">> {
    this.say({ $case: "register", value: registerOf(fields) });
    return this.next("registered");
  }

  credit(maxTasks: number, maxBytes?: number): void {
    this.say({ $case: "credit", value: { maxTasks, maxBytes } });
  }

  received(throughSequence: number): void {
    this.say({ $case: "received", value: { throughSequence } });
  }

  complete(...tokens: readonly Buffer[]): void {
    this.say(...tokens.map((token) => completed(token)));
  }

  ping(tokens: readonly Buffer[], throughSequence: number): void {
    const held = { ...heldList(tokens), throughSequence, demands: [] };
    this.say({ $case: "ping", value: { held, load: undefined, echoSequence: 0 } });
  }

  /** The oldest message of that case that was not taken yet; waits for it if need be. */
  async next<C extends Case>(kind: C): Promise<ValueOf<C>> {
    for (let i = 0; i < 2_000; i++) {
      const found = this.heard.find((m) => m.message?.$case === kind && !this.#taken.has(m));
      if (found !== undefined) {
        this.#taken.add(found);
        return found.message?.value as ValueOf<C>;
      }
      if (this.ended !== undefined) break;
      await turn();
    }
    const cases = this.heard.map((m) => m.message?.$case).join(", ");
    assert.fail(`no ${kind}; heard: ${cases}; ended: ${String(this.ended?.error)}`);
  }

  /** Waits until so many tasks have been assigned in all. */
  async tasks(count: number): Promise<AssignedTask[]> {
    await this.bench.until(`${count} tasks assigned`, () => this.assigned.length >= count);
    return this.assigned;
  }

  get assigned(): AssignedTask[] {
    return this.heard.flatMap(({ message }) =>
      message?.$case === "assign" ? message.value.tasks : [],
    );
  }

  /** Outcomes by token, as hexadecimal text. */
  get outcomes(): Map<string, string> {
    const outcomes = new Map<string, string>();
    for (const { message } of this.heard) {
      if (message?.$case !== "settled") continue;
      for (const { token, outcome } of message.value.settlements) {
        outcomes.set(token.toString("hex"), outcome?.outcome?.$case ?? "");
      }
    }
    return outcomes;
  }

  async outcomeOf(token: Buffer): Promise<string> {
    const key = token.toString("hex");
    await this.bench.until("a settlement", () => this.outcomes.has(key));
    return this.outcomes.get(key) ?? "";
  }

  async refused(): Promise<CallRefusedError> {
    await this.bench.until("the stream has ended", () => this.ended !== undefined);
    const error = this.ended?.error;
    assert(error instanceof CallRefusedError, String(error));
    return error;
  }
}

export function registerOf(fields: Partial<Register> = {}): Register {
  nextId += 1;
  return Registers.fromPartial({
    protocolVersion: 1,
    sdkName: "raw",
    sdkVersion: "1",
    workerId: `worker-${nextId}`,
    incarnation: "first",
    taskTypes: ["work"],
    resources: [{ name: "slots", milli: 4_000n }],
    ...fields,
  });
}

export function completed(token: Buffer, outputs: readonly [number, Buffer][] = []): Says {
  const value = {
    token,
    outputs: outputs.map(([partition, inline]) => ({
      partition,
      value: { $case: "inline" as const, value: inline },
    })),
    recordCount: undefined,
    failedRecords: [],
  };
  return { $case: "completed", value };
}

export function failed(token: Buffer, fields: Record<string, unknown> = {}): Says {
  const { message } = WorkerMessages.fromPartial({
    message: {
      $case: "failed",
      value: { token, failure: { kind: 1, type: "Error", message: "it broke", ...fields } },
    },
  });
  assert(message !== undefined);
  return message;
}

export function heldList(
  tokens: readonly Buffer[],
  state: HeldState = HeldState.HELD_STATE_STARTED,
): {
  throughSequence: number;
  held: HeldLease[];
  session: string;
  demands: { resources: { name: string; milli: bigint }[] }[];
} {
  return {
    throughSequence: 0,
    session: "",
    held: tokens.map((token) => ({ token, state, demand: 0 })),
    demands: [{ resources: [{ name: "slots", milli: 1_000n }] }],
  };
}
