import assert from "node:assert/strict";
import { inMemory, openDatabase } from "../../src/history/database.js";
import { defaultRetention } from "../../src/history/history.js";
import { HistoryStore } from "../../src/history/store.js";
import { record } from "./support/recording.js";

/** What may read a whole table, because it is asked seldom or the table is small. */
const mayScan = [
  // Once for hundreds of jobs that expire together.
  /^DELETE FROM spec /,
  // Only what is about to leave is in it, and it is read from its beginning.
  /^SELECT job, stretches FROM leaving ORDER BY job LIMIT/,
];

describe("the statements of the history", () => {
  it("find what they look for without reading whole tables, however many jobs there are", () => {
    const database = openDatabase(inMemory);
    const statements = new Set<string>();
    const watched = new Proxy(database, {
      get(target, name) {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found !== "function") return found;
        return (...given: unknown[]): unknown => {
          if (name === "prepare") statements.add(String(given[0]).replace(/\s+/g, " ").trim());
          return Reflect.apply(found, target, given);
        };
      },
    });
    const store = new HistoryStore(watched, defaultRetention);
    for (const [i, { body }] of record(3, 500).entries()) store.project({ index: i + 1, body });
    store.commit();
    const filters = [
      { states: [], name: "", labels: [] },
      { states: ["failed"], name: "", labels: [] },
      { states: [], name: "a", labels: [] },
    ] as const;
    for (const filter of filters) store.jobs({ namespace: "default", ...filter }, 1e9, 0, 10);

    assert.ok(statements.size > 25, `only ${statements.size} statements were seen`);
    const scans = [...statements]
      .filter((sql) => !sql.includes("FROM meta") && !mayScan.some((may) => may.test(sql)))
      .flatMap((sql) => {
        const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
        return steps
          .filter(({ detail }) => detail.startsWith("SCAN"))
          .map(({ detail }) => [sql, detail]);
      });
    // A constant is a row that SQLite calls scanned, and reads nothing.
    assert.deepEqual(
      scans.filter(([, detail]) => detail !== "SCAN CONSTANT ROW"),
      [],
    );
    store.close();
  });
});
