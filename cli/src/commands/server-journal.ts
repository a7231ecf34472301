import { Readable } from "node:stream";
import type { JournalError, JournalErrorKind, JournalSurvey, SurveyedEntry } from "@capstan/server";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.js";
import { CliError } from "../errors.js";
import { exitCodes } from "../exit-codes.js";
import type { OutputFormat } from "../output/formats.js";
import { count, size } from "../output/human.js";
import { limitOf, writeItems } from "../output/list.js";
import { serialize } from "../output/plain.js";
import { facts, table } from "../output/table.js";
import { type Side, sides } from "../session.js";
import { type Settings, settingsOf } from "../settings.js";
import { examples, type Program } from "./command.js";
import { hintOfSnapshot } from "./server-damaged-snapshot.js";
import { dataFlag } from "./data-flag.js";

interface JournalFlags {
  readonly data: string;
}

interface InspectFlags extends JournalFlags {
  readonly from?: number;
  readonly limit?: number;
  readonly snapshots?: boolean;
}

/** `capstan journal …`: what lies in the folder of a master that is stopped. */
export function addJournal(root: Command, program: Program): void {
  const journal = root
    .command("journal")
    .description("look at the journal of a master that is stopped");
  journal
    .command("verify")
    .description(
      "read every byte of the journal, change nothing, and say whether a master would start on it",
    )
    .addOption(dataFlag())
    .addHelpText(
      "after",
      examples("capstan journal verify", "capstan journal verify --data ./capstan-data -o json"),
    )
    .action((flags: JournalFlags, command: Command) =>
      program.alone(() => verify(command, flags, program)),
    );
  journal
    .command("inspect")
    .description("list entries of the journal, and with -o json all that they say; change nothing")
    .addOption(dataFlag())
    .option("--from <index>", "the first entry to list (default: the first there is)", wholeNumber)
    .option(
      "--limit <count>",
      "list at most so many entries; 0: all (default: 100, all with -o json, jsonl or yaml)",
      wholeNumber,
    )
    .option("--snapshots", "list the snapshots instead, after all was verified")
    .addHelpText(
      "after",
      examples(
        "capstan journal inspect --data ./capstan-data",
        "capstan journal inspect --from 1000 --limit 1 -o json",
        "capstan journal inspect --snapshots",
      ),
    )
    .action((flags: InspectFlags, command: Command) =>
      program.alone(() => inspect(command, flags, program)),
    );
}

async function verify(
  command: Command,
  { data }: JournalFlags,
  { surroundings }: Program,
): Promise<void> {
  const settings = settingsOf(command);
  const { out } = sides(settings, surroundings);
  if (settings.output === "table")
    return out.line(facts(factsOf(await surveyed(data)), out.palette));
  await out.write(await serialize(await verdictOn(data, out, settings.output), settings.output));
}

/**
 * What programs are told of a whole journal; of any other it is written here, and thrown for the exit code.
 *
 * @throws CliError as {@link surveyed}
 */
async function verdictOn(
  data: string,
  out: Side,
  format: Exclude<OutputFormat, "table">,
): Promise<object> {
  try {
    return { verdict: "whole", reason: null, place: null, ...(await surveyed(data)) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { kind, place } = error.cause as JournalError;
    const told = { verdict: verdicts[kind], reason: error.message, place: place ?? null };
    await out.write(await serialize(told, format));
    throw error;
  }
}

const verdicts = {
  data_loss: "damaged",
  newer_format: "newer_format",
  locked: "locked",
  failed: "unreadable",
  disk_full: "unreadable",
} as const satisfies Record<JournalErrorKind, string>;

async function surveyed(data: string): Promise<JournalSurvey> {
  const { verifyJournal } = await import("@capstan/server");
  return explained(data, () => verifyJournal(data));
}

async function inspect(
  command: Command,
  flags: InspectFlags,
  { surroundings }: Program,
): Promise<void> {
  const settings = settingsOf(command);
  const { out, err } = sides(settings, surroundings);
  const { data, from = 1 } = flags;
  if (flags.snapshots === true) return inspectSnapshots(flags, settings, out, err);
  const { readFileJournal } = await import("@capstan/server");
  const limit = limitOf(flags.limit, settings.output);
  const entries = upTo(limit, readFileJournal(data, from), ({ index }) => {
    err.line(err.palette.faint(`There are more: --from ${String(index)}`));
  });
  const head = ["ENTRY", "EPOCH", "TIME", "BYTES", "BLOBS", "EVENTS"];
  await explained(data, () =>
    writeItems(entries, {
      format: settings.output,
      out,
      err,
      none: `There are no entries in ${data} from ${String(from)} on.`,
      // Not cut to the terminal: what happened stands last, and is what is looked for.
      table: (all) => table(head, all.map(rowOf), { palette: out.palette, right: [0, 1, 3, 4] }),
    }),
  );
}

async function* upTo<Item>(
  limit: number,
  items: AsyncIterable<Item>,
  onMore: (next: Item) => void,
): AsyncGenerator<Item> {
  let taken = 0;
  for await (const item of items) {
    if (taken === limit) return onMore(item);
    taken += 1;
    yield item;
  }
}

function rowOf(entry: SurveyedEntry): string[] {
  return [
    String(entry.index),
    String(entry.epoch),
    entry.wall === undefined ? "" : new Date(entry.wall).toISOString(),
    String(entry.bytes),
    String(entry.blobs),
    entry.claim ? "claim: a master took the journal over" : eventsText(entry),
  ];
}

async function inspectSnapshots(
  { data, from, limit }: InspectFlags,
  { output }: Settings,
  out: Side,
  err: Side,
): Promise<void> {
  if (from !== undefined || limit !== undefined) {
    throw new CliError("--from and --limit are of entries: --snapshots lists all that there are");
  }
  const { snapshots } = await surveyed(data);
  const head = ["ENTRY", "BYTES", "FILE", "SHA-256"];
  await writeItems(Readable.from(snapshots), {
    format: output,
    out,
    err,
    none: `There are no snapshots in ${data}.`,
    table: (all) =>
      table(
        head,
        all.map(({ index, bytes, name, sha256 }) => [String(index), String(bytes), name, sha256]),
        { palette: out.palette, right: [0, 1] },
      ),
  });
}

/** `3 lease_granted, 1 job_finished` */
function eventsText({ events }: SurveyedEntry): string {
  const counts = new Map<string, number>();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, times]) => `${String(times)} ${type}`).join(", ");
}

/** Does something with a journal. @throws CliError for what is wrong with it */
async function explained<T>(data: string, look: () => Promise<T>): Promise<T> {
  const { JournalError } = await import("@capstan/server");
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    const hint = error.kind === "data_loss" ? hintOfLoss(error, data) : "";
    throw new CliError(error.message, { exitCode: exitCodes.failed, hint, cause: error });
  }
}

/** A snapshot is of what others say too, as a rule; entries are not. */
function hintOfLoss(error: JournalError, data: string): string {
  return (
    hintOfSnapshot(error, data) ??
    "restore the folder from a copy; a master does not start on it either"
  );
}

const whatWasCut =
  "A crash leaves such, of a write that was never acknowledged; a last entry that was damaged later can look the same.";

/** What is known of a journal of which something is cut off. */
function seenText({ seenThrough, lastIndex }: JournalSurvey): string {
  if (seenThrough === 0) return "No history and no snapshot says how far the journal came";
  const after = seenThrough < lastIndex ? ", and whole entries follow it" : "";
  return `Entry ${String(seenThrough)}, the last that its history or a snapshot has seen, is there${after}`;
}

function factsOf(survey: JournalSurvey): (readonly [string, string])[] {
  const { journalId, firstIndex, lastIndex, epoch, bytes, segments, unfinished } = survey;
  const snapshots = survey.snapshots.map(
    ({ index, bytes: own }) => `of entry ${String(index)}, ${size(own)}`,
  );
  const entries =
    lastIndex < firstIndex
      ? "none"
      : `${firstIndex} to ${lastIndex}, each with its checksum and the hash of the one before`;
  const tail = unfinished.map(
    ({ segment, offset, bytesCut }) =>
      `${count(bytesCut, "byte")} at byte ${offset} of ${segment} are no whole entry: the next start cuts them off. ` +
      `${whatWasCut} ${seenText(survey)}`,
  );
  return [
    ["Journal", journalId],
    ["State", "whole"],
    ["Entries", entries],
    ["Epoch", String(epoch)],
    ["Files", `${count(segments.length, "segment")}, ${size(bytes)}`],
    ...(snapshots.length === 0 ? [] : [["Snapshots", snapshots.join("; ")] as const]),
    ...(tail.length === 0 ? [] : [["Tail", tail.join("; ")] as const]),
  ];
}
