/**
 * `npm start`: a job of two stages over real data and four unequal workers, run twice: near its data, and
 * with the place of data ignored. It checks the answer and its own promises, exits 0 only if all hold, and
 * leaves nothing running.
 */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, startTracing, type DataFile } from "@capstan/sdk";
import { readFlights, sizeOf, tamper, writeFlights } from "./data.js";
import { differences, plainDelays, type Delays } from "./delays.js";
import { brokenPromises, figuresOf, overfull, type Figures } from "./figures.js";
import { Fleet, machines } from "./fleet.js";
import { freePort } from "./free-port.js";
import { Interrupted, interruption } from "./interruption.js";
import { flightsJob, readAnswer, type Locality } from "./job.js";
import { readOptions } from "./options.js";
import { ProgressLine } from "./progress.js";
import * as report from "./report.js";

const options = readOptions();
const tracing = await startTracing({ serviceName: "flights-submitter" });
process.exitCode = await main();
await tracing.shutdown();

/** @returns the exit code */
async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "capstan-flights-"));
  const fleet = new Fleet();
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  // The last resort, however this program ends; when all goes well it finds nothing to do.
  process.once("exit", () => {
    fleet.kill();
    removeFolder();
  });
  const { signal, interrupted } = interruption();
  const done = new AbortController();
  const stopped = Promise.race([fleet.broken, interrupted]);
  let isAllDone = false;
  try {
    const shown = await Promise.race([
      show(fleet, folder, AbortSignal.any([signal, done.signal])),
      stopped,
    ]);
    for (const fault of shown.faults) console.error(`FAILED: ${fault}.`);
    if (shown.faults.length > 0) return 1;
    if (options.keep) {
      print(report.tryNow(shown.address, shown.jobId));
      await interrupted.catch(() => {});
    }
    isAllDone = !options.keep;
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) {
      console.error(`\n${error.message}`);
      return error.exitCode;
    }
    console.error(`FAILED: ${error instanceof Error ? error.stack : String(error)}`);
    return 1;
  } finally {
    // Should `show` still wait for a job: it would wait for ever.
    done.abort();
    await fleet.stop();
    removeFolder();
    print(report.closing(isAllDone));
  }
}

/** Everything from the data to the figures. What is not as it must be comes back as `faults`. */
async function show(fleet: Fleet, folder: string, signal: AbortSignal) {
  const flights = await readFlights(options.rows);
  const expected = plainDelays(flights);
  const hosts = machines.map(({ host }) => host);
  const files = await writeFlights(options.tamper ? tamper(flights) : flights, folder, hosts);
  print(report.opening(flights.length, files.length, await sizeOf(files)));

  const address = await fleet.start(folder, options.keep ? await freePort() : 0);
  const client = new Client({ address });
  try {
    const stand: Stand = { client, fleet, files, signal };
    const near = await runJob(stand, "near its data", "prefer");
    const blind = await runJob(stand, "place ignored", "ignore");
    print("");
    print(report.answer(near.answer));
    const wrong = [near, blind].flatMap(({ answer }) => differences(answer, expected));
    if (wrong.length === 0) print(report.sameAnswer(flights.length, expected.size));
    print(report.workers(near.figures));
    print(report.comparison(near.figures, blind.figures, flights.length));
    const faults = faultsOf(wrong, near.figures, blind.figures);
    return { address, jobId: near.jobId, faults };
  } finally {
    client.close();
  }
}

/** What a run of the job stands on. */
interface Stand {
  readonly client: Client;
  readonly fleet: Fleet;
  readonly files: readonly DataFile[];
  readonly signal: AbortSignal;
}

interface Run {
  readonly jobId: string;
  readonly answer: Delays;
  readonly figures: Figures;
}

/** One run of the job: submit, progress, answer, and what the workers have measured of it. */
async function runJob(stand: Stand, title: string, locality: Locality): Promise<Run> {
  const { client, fleet, files, signal } = stand;
  const job = await flightsJob(files, locality);
  const progress = new ProgressLine(title);
  const startedAt = performance.now();
  const result = await client.runJob(job, {
    onProgress: (news) => progress.show(news),
    signal,
  });
  const elapsedMs = performance.now() - startedAt;
  const { jobId } = result;
  const { total, retries } = result.job.counts;
  const settled = await fleet.settledOf(jobId, total);
  const figures = figuresOf(machines, settled, { retries, elapsedMs });
  return { jobId, answer: await readAnswer(result), figures };
}

function faultsOf(wrong: readonly string[], near: Figures, blind: Figures): string[] {
  const faults = [...overfull(near), ...overfull(blind)];
  if (wrong.length > 0) {
    const rest = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : "";
    faults.push(`the answer is not that of a plain loop: ${wrong[0]}${rest}`);
  }
  // A slice ends before the machines have settled in: its figures are shown, not judged.
  if (options.rows === undefined) faults.push(...brokenPromises(near, blind));
  return faults;
}

function print(text: string): void {
  process.stdout.write(text === "" ? "\n" : `${text}\n\n`);
}
