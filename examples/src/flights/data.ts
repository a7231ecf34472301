/** The input: 200,000 flights of the npm package `vega-datasets`, laid out over four hosts. */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DataFile } from "@capstan/sdk";
import type { Flight } from "./delays.js";

/** How many flights there are. */
export const flightCount = 200_000;

/** How many files each host holds. */
const filesPerHost = 16;

/** A row as the package has it; the hour of the day is called `hour` or `time`, by version. */
interface Row {
  readonly delay: number;
  readonly distance: number;
  readonly hour?: number;
  readonly time?: number;
}

/** Reads the flights; `most` takes fewer, spread evenly over all of them. */
export async function readFlights(most = Infinity): Promise<Flight[]> {
  // The package exports its index alone; the data lies beside it.
  const index = import.meta.resolve("vega-datasets");
  const text = await readFile(new URL("../data/flights-200k.json", index), "utf8");
  const rows = JSON.parse(text) as Row[];
  const count = Math.min(most, rows.length);
  return Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)])
    .filter((row) => row !== undefined)
    .map(({ delay, distance, hour, time }) => ({
      delay: Math.round(delay),
      distance,
      hour: hour ?? time ?? 0,
    }));
}

/**
 * Writes the flights as JSON-lines files, one copy of each, dealt evenly over a folder for each host.
 * A folder stands for the disk of its host: `hosts` says to the master who holds a file.
 */
export async function writeFlights(
  flights: readonly Flight[],
  folder: string,
  hosts: readonly string[],
): Promise<DataFile[]> {
  for (const host of hosts) await mkdir(join(folder, host), { recursive: true });
  const fileCount = filesPerHost * hosts.length;
  const files: DataFile[] = [];
  for (let file = 0; file < fileCount; file += 1) {
    const host = hosts[file % hosts.length] as string;
    const path = join(folder, host, `flights-${String(file).padStart(2, "0")}.jsonl`);
    const from = Math.floor((file * flights.length) / fileCount);
    const to = Math.floor(((file + 1) * flights.length) / fileCount);
    const lines = flights.slice(from, to).map((flight) => `${JSON.stringify(flight)}\n`);
    await writeFile(path, lines.join(""));
    files.push({ path, hosts: [host] });
  }
  return files;
}

/** How large the files are together. Bytes. */
export async function sizeOf(files: readonly DataFile[]): Promise<number> {
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The same flights, with the first of them a minute later: what a check of the answer must find. */
export function tamper(flights: readonly Flight[]): Flight[] {
  return flights.map((flight, index) =>
    index === 0 ? { ...flight, delay: flight.delay + 1 } : flight,
  );
}
