import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { defaultSettings, type Settings } from "./core/index.js";
import type { Clock } from "./engine/clock.js";
import { systemClock } from "./engine/clock.js";
import type { Engine } from "./engine/engine-port.js";
import { MasterEngine } from "./engine/engine.js";
import { systemDraw } from "./engine/random.js";
import { HistoryLink } from "./engine/history-link.js";
import type { History, Retention } from "./history/history.js";
import { JournalError, messageOf } from "./journal/journal-error.js";
import type { Journal } from "./journal/journal.js";
import { isWithin, masterRanges, type Range } from "./master-ranges.js";
import { defaultSnapshotSegments, Snapshots } from "./open-snapshots.js";
import { type JournalPlace, openJournal, startHistory } from "./open-stores.js";
import { Opened } from "./opened.js";
import type { SnapshotKeeper } from "./snapshots/keeper.js";
import type { Log } from "./rpc/log.js";
import { parseAddress, refuseOpenDoor } from "./rpc/address.js";
import { routeGrpcLog } from "./rpc/grpc-log.js";
import { type RpcServer, startRpcServer } from "./rpc/server.js";
import { DeliverySpans } from "./telemetry/deliveries.js";
import { FewLines } from "./telemetry/few-lines.js";
import { Happenings } from "./telemetry/happenings.js";
import { jsonLog } from "./telemetry/log.js";
import { ReplayLines } from "./telemetry/replay-lines.js";
import { traceOfSubmit } from "./telemetry/submits.js";
import type { Tracing } from "./telemetry/tracing.js";
import { startTracing, tracingIsOn } from "./telemetry/tracing.js";

/** Where the master listens unless it is told otherwise: loopback, for there are no tokens yet. */
export const defaultAddress = "127.0.0.1:7410";

/** What a master needs to run. Everything has a default but the journal. */
export interface MasterOptions {
  /** `host:port`; port 0 takes a free one. Default 127.0.0.1:7410. */
  readonly address?: string;
  /** `file`: durable, in a folder of its own. `memory`: gone with the process. */
  readonly journal: JournalPlace;
  /**
   * A snapshot is made, and the journal cut, when so many of its segments were closed since the last one. 0:
   * never. Default 4. Of a file journal only.
   */
  readonly snapshotSegments?: number;
  /** Lease terms and the like. A lease term is 100 to 3,600,000 ms, default 15,000. */
  readonly settings?: Partial<Settings>;
  /** How long jobs that have ended can be read, where they do not say so themselves: a second to ten years. */
  readonly retention?: Partial<Retention>;
  /**
   * How often each side of a session pings; 50 to 600,000 ms, and shorter than the lease term. Default a third of
   * that, at most 5,000 ms.
   */
  readonly pingIntervalMs?: number;
  /** What payloads may take in memory. Default 256 MiB. */
  readonly payloadBudgetBytes?: number;
  /** Listen off loopback in the clear: anybody who reaches the port may do everything. */
  readonly insecure?: boolean;
  /** Default: nothing is logged. */
  readonly log?: Log;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Tell the story of jobs and deliveries to the registered tracer. Default false. */
  readonly traces?: boolean;
  /**
   * The process must end: the outcome of an append is unknown, or memory may be wrong. Default:
   * the error is logged and the process ends with code 70.
   */
  readonly onFatal?: (error: unknown) => void;
}

/** A master that runs. */
export interface Master {
  /** Where it listens, with the port that it took. */
  readonly address: string;
  readonly port: number;
  /** Health says NOT_SERVING and nothing new is taken. Workers stay: they outlive a restart. */
  drain(): Promise<void>;
  /** Ends calls, makes what was decided durable, frees the journal. */
  close(): Promise<void>;
}

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Starts a master: opens its journal, replays it, and listens.
 *
 * @throws RangeError if the address is malformed, or off loopback without `insecure`; if a length of time is out
 *   of its range ({@link masterRanges}), or workers are pinged less often than once in a lease term
 * @throws JournalError if the journal is damaged, of a newer format, or another master's
 */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const log = options.log ?? silent;
  // Before the journal is opened: a typo in the address leaves nothing behind.
  checkAddress(options.address ?? defaultAddress, options.insecure ?? false);
  checkTerms(options);
  const opened = new Opened();
  try {
    const server = await openAll(options, log, opened);
    return {
      address: server.address,
      port: server.port,
      drain: () => server.drain(),
      close: () => opened.close(),
    };
  } catch (error) {
    // What is told is why it did not start, whatever comes of closing the rest.
    await opened.close().catch((closing: unknown) => {
      log.error({ err: closing }, "what was opened before could not be closed in order");
    });
    throw error;
  }
}

/** Opens what a master is made of, one on the other. @param opened is told of each part as soon as it is open */
async function openAll(options: MasterOptions, log: Log, opened: Opened): Promise<RpcServer> {
  const clock = options.clock ?? systemClock;
  const beganAt = clock.monotonicMs();
  const journal = await sayingWhatTakesLong(options.journal, clock, log);
  opened.add(() => journal.close());
  for (const repair of journal.repairs) log.warn({ repair }, "cut off what a crash left behind");
  const snapshots = await openSnapshots(options.journal, journal);
  opened.add(() => snapshots?.start.source.close());
  const spans = options.traces === true ? new DeliverySpans() : undefined;
  const fewLines = new FewLines(log, clock);
  const happenings = new Happenings(fewLines);
  const engine = await MasterEngine.open({
    journal,
    clock,
    ...(snapshots && { load: snapshots.load, readBytes: snapshots.start.source.readBytes }),
    draw: systemDraw(),
    onReplay: new ReplayLines(log, clock).tell,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.payloadBudgetBytes === undefined
      ? {}
      : { payloadBudgetBytes: options.payloadBudgetBytes }),
    observer: (events, stamp) => {
      happenings.observe(events, stamp);
      spans?.observe(events, stamp);
    },
    observes: spans === undefined ? Happenings.wanted : undefined,
    onFatal: options.onFatal ?? endProcess(log),
  });
  opened.add(() => engine.close());
  happenings.begin(engine);
  const tookMs = Math.round(clock.monotonicMs() - beganAt);
  const from = { snapshot: snapshots?.start.newestIndex ?? 0 };
  log.info({ epoch: engine.epoch, ...from, ...engine.replayed, tookMs }, "replayed the journal");
  // Closed before the engine: what is decided meanwhile, it finds in the journal when it is opened again.
  const history = await startHistory(
    options.journal,
    options.retention ?? {},
    journal,
    engine,
    log,
  );
  opened.add(() => history.close());
  const link = new HistoryLink(engine, history, clock, ({ isBehind, entries }) => {
    if (isBehind) log.warn({ entries }, "history is far behind the journal");
    else log.info({ entries }, "history has caught up with the journal");
  });
  opened.add(() => {
    link.stop();
  });
  const keeper = keepSnapshots(snapshots, options, engine, history, log);
  opened.add(() => keeper?.close());
  // Nobody is served yet: what comes from here on is numbered on from this.
  spans?.beginAt(await engine.read((state) => state.stages.count));
  const server = await startRpcServer({
    engine,
    history,
    log: fewLines,
    clock,
    address: options.address ?? defaultAddress,
    insecure: options.insecure ?? false,
    traceOfSubmit: options.traces === true ? traceOfSubmit() : undefined,
    about: {
      journalDriver: options.journal.kind,
      journal: () => ({ historyIndex: BigInt(history.projected) }),
    },
    ...(options.pingIntervalMs === undefined ? {} : { pingIntervalMs: options.pingIntervalMs }),
  });
  opened.add(() => server.close());
  return server;
}

/** A start that is refused at once is told by its reason alone. */
const takesLongMs = 1_000;

function sayingWhatTakesLong(place: JournalPlace, clock: Clock, log: Log): Promise<Journal> {
  const directory = place.kind === "file" ? place.directory : "";
  const isOpen = clock.setTimer(takesLongMs, () => {
    log.info({ directory }, "reading and verifying the journal");
  });
  return openJournal(place).finally(isOpen);
}

async function openSnapshots(
  place: JournalPlace,
  journal: Journal,
): Promise<Snapshots | undefined> {
  return place.kind === "memory" ? undefined : Snapshots.open(place.directory, journal);
}

function keepSnapshots(
  snapshots: Snapshots | undefined,
  options: MasterOptions,
  engine: Engine,
  history: History,
  log: Log,
): SnapshotKeeper | undefined {
  const everySegments = options.snapshotSegments ?? defaultSnapshotSegments;
  const keeper = snapshots?.keep(everySegments, history, log);
  if (keeper === undefined) return undefined;
  engine.onDurable(() => {
    keeper.look();
  });
  history.onSynced(() => {
    void keeper.cut();
  });
  keeper.look();
  return keeper;
}

function checkAddress(address: string, insecure: boolean): void {
  refuseOpenDoor(parseAddress(address), insecure);
}

/** A session is proved by pings: one that is pinged less often than once in a term would be given up. */
function checkTerms(options: MasterOptions): void {
  const { settings, pingIntervalMs, retention } = options;
  refuseOutside("the lease term", settings?.leaseTermMs, masterRanges.leaseTermMs);
  refuseOutside("the ping interval", pingIntervalMs, masterRanges.pingIntervalMs);
  const { succeededMs, otherMs } = retention ?? {};
  refuseOutside("the retention of jobs that succeeded", succeededMs, masterRanges.retentionMs);
  refuseOutside("the retention of other jobs", otherMs, masterRanges.retentionMs);
  const termMs = settings?.leaseTermMs ?? defaultSettings.leaseTermMs;
  if (pingIntervalMs === undefined || pingIntervalMs < termMs) return;
  throw new RangeError(
    `the ping interval (${pingIntervalMs} ms) is not shorter than the lease term (${termMs} ms)`,
  );
}

function refuseOutside(what: string, value: number | undefined, range: Range): void {
  if (isWithin(value, range)) return;
  throw new RangeError(`${what} is ${range.least} to ${range.most} ms, got ${value}`);
}

function endProcess(log: Log): (error: unknown) => void {
  return (error) => {
    // A disk that fails is no bug: where in the program it was met says nothing.
    const fields = error instanceof JournalError ? { why: storyOf(error) } : { error };
    log.error(fields, "the master cannot go on; started again, it recovers by replay");
    process.exit(exitCodes.failed);
  };
}

/** What an error says, and what caused it. */
function storyOf(error: Error): string {
  const { message, cause } = error;
  return cause instanceof Error ? `${message}: ${storyOf(cause)}` : message;
}

/** Of sysexits.h, as far as they say something to whoever restarts the process. */
const exitCodes = { ok: 0, usage: 2, failed: 70, journal: 74 } as const;

const usage = `usage: main.js [--address HOST:PORT] [--data DIR | --memory] [--insecure]

  --address HOST:PORT  where to listen; port 0 takes a free one (CAPSTAN_ADDRESS, ${defaultAddress})
  --data DIR           folder of the journal (CAPSTAN_DATA, ~/.local/share/capstan)
  --memory             keep everything in memory: gone with the process
  --insecure           listen off loopback in the clear
  --lease-term-ms N    how long a lease holds without renewal (15000)
  --ping-interval-ms N how often each side of a session pings (a third of the term, at most 5000)
  --keep-succeeded-ms N  how long a job that succeeded can be read (604800000, 7 days)
  --keep-failed-ms N   how long one that failed or was cancelled can be read (2592000000, 30 days)
  --segment-mib N      size of the journal's files in MiB (64)
  --snapshot-segments N  make a snapshot and cut the journal when so many of its files were closed since the last
                       snapshot; 0: never (4)
`;

/** The process: arguments and environment in, one line on stdout when it listens, logs on stderr. */
async function run(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  // From the first moment: who reads that it listens may tell it to stop before the next line runs.
  const started: { master?: Master } = {};
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    const { master } = started;
    // Before it listens there is nothing to put in order: what it has written is durable as it is.
    if (master === undefined) process.exit(exitCodes.ok);
    if (isStopping) process.exit(exitCodes.failed);
    isStopping = true;
    log.info({ signal }, "stopping");
    stopInOrder(master, tracing).catch(failed);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  const log = jsonLog(process.env["CAPSTAN_LOG_LEVEL"] ?? "info");
  routeGrpcLog(log);
  const tracing = await startTracing(process.env, "capstan-master", log);
  const master = await startMaster({ ...options, log, traces: tracingIsOn(process.env) });
  started.master = master;
  process.stdout.write(`capstan master listening on ${master.address}\n`);
}

async function stopInOrder(master: Master, tracing: Tracing): Promise<never> {
  await master.drain();
  await master.close();
  await tracing.shutdown();
  process.exit(exitCodes.ok);
}

function failed(error: unknown): never {
  process.stderr.write(`capstan master: ${messageOf(error)}\n`);
  process.exit(error instanceof JournalError ? exitCodes.journal : exitCodes.failed);
}

function readOptions(): MasterOptions | undefined {
  try {
    const { values } = parseArgs({
      options: {
        address: { type: "string" },
        data: { type: "string" },
        memory: { type: "boolean" },
        insecure: { type: "boolean" },
        help: { type: "boolean" },
        "lease-term-ms": { type: "string" },
        "ping-interval-ms": { type: "string" },
        "keep-succeeded-ms": { type: "string" },
        "keep-failed-ms": { type: "string" },
        "segment-mib": { type: "string" },
        "snapshot-segments": { type: "string" },
      },
    });
    if (values.help === true) {
      process.stdout.write(usage);
      return undefined;
    }
    if (values.memory === true && values.data !== undefined) {
      throw new Error("--memory keeps nothing in --data: say one of them");
    }
    const fallback = join(homedir(), ".local/share/capstan");
    const directory = values.data ?? process.env["CAPSTAN_DATA"] ?? fallback;
    const ranges = masterRanges;
    const number = (
      flag: Exclude<keyof typeof values, "memory" | "insecure" | "help">,
      range: Range,
    ) => numberIn(range, `--${flag}`, values[flag]);
    const term = number("lease-term-ms", ranges.leaseTermMs);
    const ping = number("ping-interval-ms", ranges.pingIntervalMs);
    const succeeded = number("keep-succeeded-ms", ranges.retentionMs);
    const other = number("keep-failed-ms", ranges.retentionMs);
    const mib = number("segment-mib", ranges.segmentMib);
    const snapshotSegments = number("snapshot-segments", ranges.snapshotSegments);
    const size = mib === undefined ? {} : { segmentBytes: mib * 1_024 * 1_024 };
    const address = values.address ?? process.env["CAPSTAN_ADDRESS"] ?? defaultAddress;
    parseAddress(address, values.address === undefined ? "CAPSTAN_ADDRESS" : "--address");
    const options: MasterOptions = {
      address,
      journal: values.memory === true ? { kind: "memory" } : { kind: "file", directory, ...size },
      insecure: values.insecure ?? false,
      retention: {
        ...(succeeded === undefined ? {} : { succeededMs: succeeded }),
        ...(other === undefined ? {} : { otherMs: other }),
      },
      ...(snapshotSegments === undefined ? {} : { snapshotSegments }),
      ...(term === undefined ? {} : { settings: { leaseTermMs: term } }),
      ...(ping === undefined ? {} : { pingIntervalMs: ping }),
    };
    checkTerms(options);
    return options;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${usage}`);
    process.exit(exitCodes.usage);
  }
}

function numberIn(range: Range, flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && isWithin(value, range)) return value;
  throw new Error(`${flag} takes a whole number from ${range.least} to ${range.most}, got ${text}`);
}

const script = process.argv[1];
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) {
  run().catch(failed);
}
