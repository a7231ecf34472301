import { readAddress } from "@capstan/proto/address.js";
import { asksForTraces } from "@capstan/proto/otel.js";
import type { JournalError, Log, Master, MasterOptions, Range, Tracing } from "@capstan/server";
import { Option, type Command } from "commander";
import { duration, wholeNumber } from "../arguments.js";
import { asUsage, CliError } from "../errors.js";
import { exitCodes } from "../exit-codes.js";
import { length } from "../output/human.js";
import { logLevels, textLog, type LogLevel } from "../server-log.js";
import { sides, type Side } from "../session.js";
import { defaultAddress, nameOfAddress, rootOf, settingsOf } from "../settings.js";
import type { Surroundings } from "../surroundings.js";
import { examples, type Program } from "./command.js";
import { hintOfSnapshot } from "./server-damaged-snapshot.js";
import { dataFlag } from "./data-flag.js";
import { listenForStop } from "./server-stop.js";

interface ServerFlags {
  readonly data: string;
  readonly memory?: boolean;
  readonly insecure?: boolean;
  readonly leaseTerm?: number;
  readonly pingInterval?: number;
  readonly keepSucceeded?: number;
  readonly keepFailed?: number;
  readonly segmentMib?: number;
  readonly snapshotSegments?: number;
  readonly logLevel: LogLevel;
  readonly logFormat?: "text" | "json";
}

/** `capstan server` */
export function addServer(root: Command, program: Program): void {
  root
    .command("server")
    .description("start a master in this process; --address says where (port 0 takes a free one)")
    .addOption(dataFlag())
    .option("--memory", "keep everything in memory: gone with the process")
    .option("--insecure", "listen off loopback in the clear: whoever reaches the port may do all")
    .option(
      "--lease-term <duration>",
      "how long a lease holds without renewal, 100ms to 1h (default: 15s)",
      duration,
    )
    .option(
      "--ping-interval <duration>",
      "how often workers are pinged, 50ms to 10m and shorter than the lease term (default: a third of it, at most 5s)",
      duration,
    )
    .option(
      "--keep-succeeded <duration>",
      "how long a job that succeeded can be read, 1s to 3650d (default: 7d)",
      duration,
    )
    .option(
      "--keep-failed <duration>",
      "how long one that failed or was cancelled can be read, 1s to 3650d (default: 30d)",
      duration,
    )
    .option(
      "--segment-mib <MiB>",
      "size of the journal's files, 1 to 1024 (default: 64)",
      wholeNumber,
    )
    .option(
      "--snapshot-segments <count>",
      "make a snapshot, and cut the journal, when so many of its files were closed since the last; " +
        "0: never, at most 10000 (default: 4)",
      wholeNumber,
    )
    .addOption(
      new Option("--log-level <level>", "how much to log, on stderr")
        .env("CAPSTAN_LOG_LEVEL")
        .choices(logLevels)
        .default("info" satisfies LogLevel),
    )
    .addOption(
      new Option("--log-format <format>", "default: text on a terminal, else json").choices([
        "text",
        "json",
      ]),
    )
    .addHelpText(
      "after",
      examples("capstan server", "capstan server --memory --address 127.0.0.1:0"),
    )
    .action((flags: ServerFlags, command: Command) =>
      program.alone(() => serve(command, flags, program.surroundings)),
    );
}

async function serve(
  command: Command,
  flags: ServerFlags,
  surroundings: Surroundings,
): Promise<number> {
  // Before the master is loaded, which takes longest: a supervisor may change its mind meanwhile.
  const signals = listenForStop(surroundings);
  const { out, err } = sides(settingsOf(command), surroundings);
  const address = listenAddress(command);
  refuseContradictions(command, flags);
  await refuseOutside(flags);
  const { routeGrpcLog, startTracing } = await import("@capstan/server");
  const log = await logOf(flags, err);
  routeGrpcLog(log);
  const tracing = await startTracing(surroundings.env, "capstan-master", log);
  const starting = start(command, address, flags, log, asksForTraces(surroundings.env));
  // Before it is ready there is nothing to put in order: what it has written is durable as it is.
  const master = await Promise.race([starting, signals.first.then(() => undefined)]);
  if (master === undefined) return exitCodes.ok;
  out.line(`capstan master listening on ${master.address}`);
  if (err.stream.isTTY === true) tellPeople(err, flags, master.address);
  const stopped = signals.first.then((signal) => stop(master, tracing, log, signal));
  return Promise.race([stopped, signals.second.then(() => exitCodes.failed)]);
}

/** @throws CliError where two flags cannot both be meant */
function refuseContradictions(command: Command, flags: ServerFlags): void {
  // The environment names a folder for every master; --memory says that this one has none.
  if (flags.memory === true && command.getOptionValueSource("data") === "cli") {
    throw new CliError("--memory keeps nothing in --data: say one of them");
  }
  const { pingInterval, leaseTerm = defaultLeaseTermMs } = flags;
  if (pingInterval === undefined || pingInterval < leaseTerm) return;
  const term = flags.leaseTerm === undefined ? "the lease term" : "--lease-term";
  throw new CliError(
    `--ping-interval ${length(pingInterval)} is not shorter than ${term} ${length(leaseTerm)}: ` +
      "workers would be lost between two pings",
    { hint: "a third of the lease term is usual, and the default" },
  );
}

/** @throws CliError where a number makes no sense; the ranges are the master's */
async function refuseOutside(flags: ServerFlags): Promise<void> {
  const { isWithin, masterRanges: ranges } = await import("@capstan/server");
  const refuse = (
    flag: string,
    value: number | undefined,
    range: Range,
    show: (value: number) => string = String,
  ) => {
    if (isWithin(value, range)) return;
    const { least, most } = range;
    throw new CliError(`${flag} is ${show(least)} to ${show(most)}, got ${show(value ?? NaN)}`);
  };
  refuse("--lease-term", flags.leaseTerm, ranges.leaseTermMs, length);
  refuse("--ping-interval", flags.pingInterval, ranges.pingIntervalMs, length);
  refuse("--keep-succeeded", flags.keepSucceeded, ranges.retentionMs, length);
  refuse("--keep-failed", flags.keepFailed, ranges.retentionMs, length);
  refuse("--segment-mib", flags.segmentMib, ranges.segmentMib);
  refuse("--snapshot-segments", flags.snapshotSegments, ranges.snapshotSegments);
}

/** The master's, said here to spare the help the loading of it. A test compares the two. */
export const defaultLeaseTermMs = 15_000;

/** A profile's address is where a client finds a master, not where this one listens. */
function listenAddress(command: Command): string {
  const fromProfile = rootOf(command).getOptionValueSource("address") === "config";
  if (fromProfile) return defaultAddress;
  const { address } = settingsOf(command);
  asUsage(() => readAddress(nameOfAddress(command), address, 0));
  return address;
}

async function logOf(flags: ServerFlags, err: Side): Promise<Log> {
  const format = flags.logFormat ?? (err.stream.isTTY === true ? "text" : "json");
  if (format === "text") return textLog(flags.logLevel, err.stream, err.palette);
  const { jsonLog } = await import("@capstan/server");
  return jsonLog(flags.logLevel);
}

async function start(
  command: Command,
  address: string,
  flags: ServerFlags,
  log: Log,
  traces: boolean,
): Promise<Master> {
  const { startMaster, JournalError } = await import("@capstan/server");
  try {
    return await startMaster({
      address,
      journal: placeOf(flags),
      insecure: flags.insecure === true,
      log,
      traces,
      retention: {
        ...(flags.keepSucceeded === undefined ? {} : { succeededMs: flags.keepSucceeded }),
        ...(flags.keepFailed === undefined ? {} : { otherMs: flags.keepFailed }),
      },
      ...(flags.snapshotSegments === undefined ? {} : { snapshotSegments: flags.snapshotSegments }),
      ...(flags.leaseTerm === undefined ? {} : { settings: { leaseTermMs: flags.leaseTerm } }),
      ...(flags.pingInterval === undefined ? {} : { pingIntervalMs: flags.pingInterval }),
    });
  } catch (error) {
    if (error instanceof JournalError) throw noJournal(error, flags.data);
    throw notStarted(error, nameOfAddress(command), address);
  }
}

function placeOf({ memory, data, segmentMib }: ServerFlags): MasterOptions["journal"] {
  if (memory === true) return { kind: "memory" };
  const size = segmentMib === undefined ? {} : { segmentBytes: segmentMib * 1_024 * 1_024 };
  return { kind: "file", directory: data, ...size };
}

function noJournal(error: JournalError, data: string): CliError {
  return new CliError(`the master could not start: ${error.message}`, {
    exitCode: exitCodes.journal,
    hint: hintForJournal(error, data),
    cause: error,
  });
}

function hintForJournal(error: JournalError, data: string): string {
  switch (error.kind) {
    case "data_loss":
      return (
        hintOfSnapshot(error, data) ??
        `\`capstan journal verify --data ${data}\` reads all of it and changes nothing. Restore the folder from a ` +
          "copy, or start anew with another --data; docs/journal-format.md (Opening) tells what is repaired and what is not"
      );
    case "newer_format":
      return "start the release that wrote it, or a later one";
    case "failed":
      return "--data or CAPSTAN_DATA names another folder: one that this user may write";
    case "disk_full":
      return "make room, or name a folder on another disk with --data or CAPSTAN_DATA";
    case "locked":
      return "";
  }
}

function notStarted(error: unknown, name: string, address: string): CliError {
  const why = error instanceof Error ? error.message : String(error);
  const taken = /EADDRINUSE|already in use/i.test(why);
  const another = `${name} names the place; 127.0.0.1:0 takes a free one of this machine`;
  const hint = taken ? "another master may run there; --address names another place" : another;
  return new CliError(`the master could not start: ${taken ? `${address} is in use` : why}`, {
    // The master throws RangeErrors at options that can never do.
    exitCode: error instanceof RangeError ? exitCodes.usage : exitCodes.failed,
    hint: taken || /cannot listen at/.test(why) ? hint : "",
    cause: error,
  });
}

function tellPeople(err: Side, flags: ServerFlags, address: string): void {
  const where = flags.memory === true ? "memory, gone when it stops" : flags.data;
  const flag = address === defaultAddress ? "" : ` --address ${address}`;
  err.line(err.palette.faint(`Journal and history are in ${where}. Ctrl-C stops the master.`));
  err.line(err.palette.faint(`Look at it: capstan job list${flag}, capstan worker list${flag}`));
}

/** Ends the master in order. */
async function stop(
  master: Master,
  tracing: Tracing,
  log: Log,
  signal: NodeJS.Signals,
): Promise<number> {
  log.info({ signal }, "stopping");
  await master.drain();
  await master.close();
  await tracing.shutdown();
  return exitCodes.ok;
}
