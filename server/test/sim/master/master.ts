import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { CommandKind, State } from "../../../src/core/index.js";
import type { CoreFunctions } from "../../../src/engine/core-functions.js";
import { MasterEngine } from "../../../src/engine/engine.js";
import type { Engine } from "../../../src/engine/engine-port.js";
import { HistoryLink } from "../../../src/engine/history-link.js";
import { openFileJournal } from "../../../src/journal/file/file-journal.js";
import { capstanServices } from "../../../src/rpc/definitions.js";
import { capstanHandlers } from "../../../src/rpc/handlers/index.js";
import type { Log } from "../../../src/rpc/log.js";
import type { SessionLink } from "../../../src/rpc/session/index.js";
import { protocolVersions, type Session, Sessions } from "../../../src/rpc/session/index.js";
import { toStatus } from "../../../src/rpc/status.js";
import type { Auditor } from "../auditor/auditor.js";
import type { Knobs } from "../knobs.js";
import type { MasterPort } from "../network/master-port.js";
import type { MethodName } from "../network/methods.js";
import type { Refusal, Reply } from "../network/reply.js";
import { refusalOfStatus } from "../network/reply.js";
import type { ServerCall } from "../network/server-call.js";
import type { Plant } from "../planted/plant.js";
import type { ProcessClock } from "../process-clock.js";
import type { Random } from "../random.js";
import type { Scheduler } from "../scheduler.js";
import { newestSnapshot } from "../../../src/open-snapshots.js";
import { journalDirectory, type MasterDisk } from "./disk.js";
import { JournalWatch } from "./journal-watch.js";
import { modelHistory } from "./model-history.js";
import { SimulatedSnapshots } from "./snapshots.js";

export interface MasterParts {
  readonly scheduler: Scheduler;
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly knobs: Knobs;
  readonly disk: MasterDisk;
  readonly auditor: Auditor;
  readonly plant: Plant;
  readonly core: CoreFunctions;
  readonly log: Log;
  readonly journalId: Uint8Array;
  readonly onFatal: (error: unknown) => void;
}

/** Counts what is decided and changes something, whatever decides it. */
export function counting(core: CoreFunctions, count: (kind: CommandKind) => void): CoreFunctions {
  const decide: CoreFunctions["decide"] = (state, command, context, settings) => {
    const decision = core.decide(state, command, context, settings);
    if (decision.ok && decision.events.length > 0) count(command.kind);
    return decision;
  };
  return { ...core, decide };
}

type UnaryHandler = (
  call: { readonly request: unknown },
  callback: (error: object | null, value: unknown) => void,
) => void;

/** One process of the master: journal, engine, sessions and handlers, the very ones. */
export class Master implements MasterPort {
  /** Takes up what the journal has. Never ends when its process dies meanwhile. */
  static async start(parts: MasterParts): Promise<Master> {
    const { scheduler, clock, random, knobs, disk, auditor, plant } = parts;
    const watch = new JournalWatch(scheduler, auditor);
    const { run, stop } = disk.runner(clock, (result) => {
      watch.carriedOut(result);
    });
    const opened = await openFileJournal({
      directory: journalDirectory,
      mustReach: newestSnapshot(journalDirectory, disk.storage),
      segmentBytes: knobs.segmentBytes,
      newJournalId: parts.journalId,
      storage: disk.storage,
      writer: { kind: "inline", run: watch.timed(run) },
    });
    if (opened.repairs.length > 0) auditor.gate("a torn tail was repaired");
    auditor.opened(opened.lastIndex);
    for await (const { index, body } of opened.read(auditor.lastIndex + 1)) {
      auditor.durable(index, body);
    }
    const journal = plant.journal?.(opened) ?? opened;
    const snapshots = await SimulatedSnapshots.open({
      ...{ disk, journal: opened, clock, everySegments: knobs.snapshotSegments },
      buildMs: () => random.between(1, 3_000),
      gate: (gate) => {
        auditor.gate(gate);
      },
    });
    const engine = await MasterEngine.open({
      journal,
      clock,
      load: snapshots.start.load,
      readBytes: snapshots.start.source.readBytes,
      draw: random.fork().uint32,
      settings: {
        leaseTermMs: knobs.leaseTermMs,
        receiptTimeoutMs: knobs.receiptTimeoutMs,
        retireAfterMs: knobs.retireAfterMs,
        keyRetentionMs: knobs.keyRetentionMs,
      },
      payloadBudgetBytes: knobs.payloadBudgetBytes,
      core: parts.core,
      onFatal: parts.onFatal,
    });
    auditor.terms.begin(scheduler.now, Math.max(clock.wallMs(), auditor.model.lastNow));
    return new Master(parts, engine, snapshots, () => {
      stop();
      if (watch.isUnderWay) auditor.leaveInDoubt(opened.lastIndex + 1);
    });
  }

  readonly clock: ProcessClock;
  readonly engine: MasterEngine;
  readonly #parts: MasterParts;
  readonly #sessions: Sessions;
  readonly #services = capstanServices();
  readonly #handlers: Record<
    keyof ReturnType<typeof capstanServices>,
    UntypedServiceImplementation
  >;
  readonly #stopDisk: () => void;
  readonly #onDeath = new Set<() => void>();

  private constructor(
    parts: MasterParts,
    engine: MasterEngine,
    snapshots: SimulatedSnapshots,
    stopDisk: () => void,
  ) {
    const { clock, log, random, plant } = parts;
    this.#parts = parts;
    this.clock = clock;
    this.engine = engine;
    this.#stopDisk = stopDisk;
    const seen: Engine = plant.engine?.(engine) ?? engine;
    const pingIntervalMs = parts.knobs.leaseTermMs / 3;
    this.#sessions = new Sessions({ engine: seen, clock, log, pingIntervalMs });
    const history = modelHistory(
      clock,
      () => random.between(1, 2_000),
      (blob) => parts.auditor.blobs.get(blob),
    );
    new HistoryLink(engine, history, clock, () => undefined);
    snapshots.keep((then) => {
      engine.onDurable(then);
    }, history);
    this.#handlers = capstanHandlers(this.#services, {
      engine: seen,
      history,
      log,
      clock,
      sessions: this.#sessions,
      stopping: new AbortController().signal,
      about: { version: "", journalDriver: "file", protocol: protocolVersions, features: [] },
      place: { address: "", isStopping: false },
    });
  }

  call(name: MethodName, bytes: Buffer, reply: (reply: Reply) => void): void {
    const { definition, handler } = this.#method(name);
    const request: unknown = definition.requestDeserialize(bytes);
    (handler as UnaryHandler)({ request }, (error, value) => {
      if (this.clock.isDead) return;
      if (error !== null) reply(refusalOfStatus(error));
      else reply({ ok: true, bytes: definition.responseSerialize(value as never) });
    });
  }

  serve(name: MethodName, bytes: Buffer, call: ServerCall): void {
    const { definition, handler } = this.#method(name);
    call.request = definition.requestDeserialize(bytes);
    (handler as unknown as (call: ServerCall) => void)(call);
  }

  encode(name: MethodName, message: unknown): Buffer {
    return Buffer.from(this.#method(name).definition.responseSerialize(message as never));
  }

  openSession(link: SessionLink): Session | undefined {
    try {
      return this.#sessions.open(link);
    } catch (error) {
      link.end(error);
      return undefined;
    }
  }

  refusalOf(error: unknown): Refusal {
    return refusalOfStatus(toStatus(error, this.#parts.log));
  }

  /** Reads the state, as it is when all of it is durable. */
  look<T>(query: (state: State) => T): Promise<T> {
    return this.engine.read(query);
  }

  onDeath(then: () => void): () => void {
    this.#onDeath.add(then);
    return () => {
      this.#onDeath.delete(then);
    };
  }

  /** The process is gone, from one moment to the next. */
  die(): void {
    this.clock.die();
    this.#stopDisk();
    for (const then of [...this.#onDeath]) then();
    this.#onDeath.clear();
  }

  #method(name: MethodName) {
    const service = "capstan.v1.MasterService";
    const definition = this.#services[service][name];
    const handler = this.#handlers[service][name];
    if (definition === undefined || handler === undefined) throw new Error(`no method ${name}`);
    return { definition, handler };
  }
}
