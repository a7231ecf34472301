import type { CommandKind } from "../../src/core/index.js";
import { coreFunctions } from "../../src/engine/core-functions.js";
import type { Log } from "../../src/rpc/log.js";
import { AnswerRules } from "./auditor/answer-rules.js";
import { Auditor } from "./auditor/auditor.js";
import { Promises } from "./auditor/promises.js";
import { StreamRules } from "./auditor/stream-rules.js";
import { Client } from "./clients/client.js";
import { Fleet } from "./fleet/fleet.js";
import { Liar } from "./fleet/liar.js";
import type { Gate } from "./gates.js";
import type { Knobs } from "./knobs.js";
import { MasterDisk } from "./master/disk.js";
import { counting } from "./master/master.js";
import { Supervisor } from "./master/supervisor.js";
import { Network } from "./network/network.js";
import type { Plant } from "./planted/plant.js";
import { ProcessClock, type WallClock } from "./process-clock.js";
import type { Random } from "./random.js";
import { Scheduler } from "./scheduler.js";

/** Everything that there is in a run, built from its dice. */
export class World {
  readonly scheduler = new Scheduler();
  readonly wall: WallClock = { offsetMs: 0 };
  readonly gates = new Map<Gate, number>();
  /** Commands that were accepted and changed something, by kind. */
  readonly accepted = new Map<CommandKind, number>();
  acceptedInAll = 0;
  readonly promises = new Promises();
  readonly auditor: Auditor;
  readonly disk: MasterDisk;
  readonly supervisor: Supervisor;
  readonly network: Network;
  readonly fleet: Fleet;
  readonly liars: readonly Liar[];
  readonly clients: readonly Client[];
  readonly gate = (gate: Gate): void => {
    this.gates.set(gate, (this.gates.get(gate) ?? 0) + 1);
  };

  constructor(
    readonly random: Random,
    readonly knobs: Knobs,
    plant: Plant,
    readonly trace: (line: () => string) => void,
  ) {
    const { scheduler, wall } = this;
    this.auditor = new Auditor(knobs.leaseTermMs, this.gate);
    this.disk = new MasterDisk(random.fork(), knobs.diskMs, () => scheduler.now);
    const core = plant.core?.(coreFunctions) ?? coreFunctions;
    this.supervisor = new Supervisor({
      ...{ scheduler, wall, knobs, plant },
      random: random.fork(),
      disk: this.disk,
      auditor: this.auditor,
      core: counting(core, (kind) => {
        this.acceptedInAll += 1;
        this.accepted.set(kind, (this.accepted.get(kind) ?? 0) + 1);
      }),
      log: this.#log(),
      journalId: Uint8Array.from({ length: 16 }, () => random.below(256)),
    });
    const now = () => scheduler.now;
    this.network = new Network({
      ...{ scheduler, trace },
      random: random.fork(),
      delayBaseMs: knobs.delayBaseMs,
      delayMoreMs: knobs.delayMoreMs,
      master: () => this.supervisor.master,
      rules: new AnswerRules(this.auditor, this.promises, now),
      streamRules: () => new StreamRules(this.auditor, this.promises, now),
    });
    const newClock = () =>
      new ProcessClock(scheduler, { offsetMs: 0 }, (error) => {
        this.auditor.verdict.fail(`the simulator itself is wrong: ${String(error)}`);
        throw error;
      });
    const { network, promises } = this;
    const parts = { scheduler, network, newClock };
    this.fleet = new Fleet({ ...parts, random: random.fork() }, knobs.workers, knobs.crowd);
    this.liars = Array.from(
      { length: knobs.liars },
      (_, no) => new Liar({ ...parts, no, random: random.fork(), gate: this.gate }),
    );
    this.clients = Array.from(
      { length: knobs.clients },
      (_, no) =>
        new Client({
          ...{ no, network, promises },
          clock: newClock(),
          random: random.fork(),
          haste: knobs.crowd,
        }),
    );
  }

  /** Nothing befalls anybody any more. */
  heal(): void {
    this.supervisor.heal();
    this.fleet.heal();
    for (const { line } of this.clients) line.heal();
    for (const liar of this.liars) liar.stop();
  }

  /** The master's log: what it calls an error is one, whatever befell it. */
  #log(): Log {
    const say = (level: string) => (fields: object, message: string) => {
      this.trace(() => `master logs ${level}: ${message} ${JSON.stringify(fields)}`);
    };
    return {
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: (fields, message) => {
        const { err } = fields as { readonly err?: unknown };
        const why = err instanceof Error ? (err.stack ?? err.message) : JSON.stringify(fields);
        this.auditor.verdict.fail(`the master logs an error: ${message}: ${why}`);
      },
    };
  }
}
