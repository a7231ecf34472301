import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { type Journal } from "../../src/journal/journal.js";
import { MemoryDisk, openMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { type JournalHarness } from "./contract.js";
import { Faults } from "./faulty-storage.js";
import { SimulatedDisk } from "./simulated-disk.js";

/** Small, so that a few entries fill several segments. */
export const SMALL_SEGMENT_BYTES = 1000;

export async function memoryHarness(): Promise<JournalHarness> {
  const disk = new MemoryDisk();
  return {
    open: (options) => openMemoryJournal(disk, options),
    crash: async () => disk.crash(),
    setDiskFull: (full) => {
      disk.full = full;
    },
    setSyncFails: (fails) => {
      disk.syncFails = fails;
    },
    dispose: async () => undefined,
  };
}

/** The file driver without a thread, over a disk that loses everything that was not synced. */
export async function simulatedHarness(storage = new SimulatedDisk()): Promise<JournalHarness> {
  return {
    open: (options) =>
      openFileJournal({
        directory: "/journal",
        segmentBytes: SMALL_SEGMENT_BYTES,
        storage,
        writer: { kind: "inline" },
        ...options,
      }),
    crash: async () => storage.cutPower({ kind: "none_of_it" }),
    setDiskFull: (full) => {
      storage.freeBytes = full ? 10 : Infinity;
    },
    setSyncFails: (fails) => {
      storage.syncFails = fails;
    },
    dispose: async () => undefined,
  };
}

/** The file driver as it runs: in its thread, on the disk. A crash leaves its files as they are then. */
export async function threadHarness(): Promise<JournalHarness> {
  const root = temporaryDirectory();
  const faults = new Faults();
  const opened: Journal[] = [];
  let life = 0;
  const directory = () => join(root, String(life));
  return {
    open: async (options) => {
      const journal = await openFileJournal({
        directory: directory(),
        segmentBytes: SMALL_SEGMENT_BYTES,
        writer: {
          kind: "thread",
          storageModule: new URL("./faulty-storage.js", import.meta.url).href,
          storageData: faults.shared,
        },
        ...options,
      });
      opened.push(journal);
      return journal;
    },
    crash: async () => {
      const before = directory();
      life += 1;
      // The lock's file is left out: opened by anybody but its own library it would let go.
      cpSync(before, directory(), { recursive: true, filter: (path) => !path.endsWith("lock") });
    },
    setDiskFull: (full) => {
      faults.diskFull = full;
    },
    setSyncFails: (fails) => {
      faults.syncFails = fails;
    },
    dispose: async () => {
      await Promise.all(opened.map((journal) => journal.close()));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "capstan-journal-"));
}
