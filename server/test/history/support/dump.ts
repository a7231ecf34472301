import type { HistoryStore } from "../../../src/history/store.js";

const tables = [
  ...["meta", "job", "spec", "kind", "task_page", "troubled_task"],
  ...["delivery", "worker", "section", "leaving"],
];

/** All rows of a history, to be compared; its database is closed. */
export function dump(store: HistoryStore): Readonly<Record<string, readonly string[]>> {
  const all: Record<string, string[]> = {};
  for (const table of tables) {
    const rows = store.database.prepare(`SELECT * FROM ${table}`).all() as object[];
    all[table] = rows.map((row) => JSON.stringify(row, bytesAsHex)).sort();
  }
  store.close();
  return all;
}

function bytesAsHex(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
