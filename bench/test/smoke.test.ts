import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const main = fileURLToPath(new URL("../src/main.js", import.meta.url));

/** Far fewer than say anything about speed. */
const runs = 2;
const count = 20;
const scale = ["--runs", String(runs), "--count", String(count)];

interface Report {
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio: number;
  readonly beside: { readonly what: string; readonly value: number; readonly unit: string };
  readonly detail: Readonly<Record<string, any>>;
}

interface Counts {
  readonly accepted: number;
  readonly settled: number;
  readonly succeeded: number;
}

/** What each bench says was asked and accepted; one that is missing here counts nothing. */
const checkCounts: Readonly<Record<string, (detail: Report["detail"]) => void>> = {
  throughput: ({ tasks, runs: ofTasks, oneTaskJobs, singleSubmits }) => {
    assert.deepEqual([tasks, oneTaskJobs.jobs, singleSubmits.jobs], [count, count / 2, count / 20]);
    const check = (found: readonly Counts[], asked: number) => {
      const all = { accepted: asked, settled: asked, succeeded: asked };
      assert.deepEqual(
        found.map(({ accepted, settled, succeeded }) => ({ accepted, settled, succeeded })),
        Array.from({ length: runs }, () => all),
      );
    };
    check(ofTasks as readonly Counts[], tasks as number);
    check(oneTaskJobs.runs as readonly Counts[], oneTaskJobs.jobs as number);
    check(singleSubmits.runs as readonly Counts[], singleSubmits.jobs as number);
    check(singleSubmits.bulk.runs as readonly Counts[], singleSubmits.jobs as number);
  },
  latency: ({ accepted, measured, warmUp, runs: ofTasks }) => {
    assert.equal(measured, runs * count);
    const counts = (ofTasks as readonly { task: { count: number } }[]).map(
      ({ task }) => task.count,
    );
    assert.deepEqual(counts, [count, count]);
    // Beside what is measured, and what goes before all of it, each run has a warm-up of its own.
    const inRuns = (accepted as number) - (warmUp as number);
    assert(inRuns > measured && inRuns % runs === 0, `${accepted} accepted, warm-up ${warmUp}`);
  },
  decide: ({ runs: measured, scans }) => {
    const placed = (measured as { count: number; accepted: number; levels: number[] }[][]).flat();
    assert.equal(placed.length, runs * 8);
    for (const { count: asked, accepted, levels } of placed) {
      assert.equal(accepted, asked);
      assert.equal(
        levels.reduce((sum, more) => sum + more, 0),
        asked,
      );
    }
    assert(scans.length > 0);
    for (const { asJobs, asOneJob } of scans) assert(asJobs.accepted > 0 && asOneJob.accepted > 0);
  },
  memory: ({ tasks, runs: measured }) => {
    assert.equal(tasks, count);
    for (const { accepted, pending, pings } of measured) {
      assert.deepEqual([accepted, pending], [count, count]);
      assert(pings.count > 0);
    }
  },
  snapshot: ({ waiting, through, runs: measured, restart }) => {
    assert.equal(waiting, count);
    for (const { withSnapshots, without } of measured) {
      for (const run of [withSnapshots, without]) {
        assert.equal(run.accepted, run.batches * through);
      }
      assert(withSnapshots.snapshots > 0);
      assert.equal(without.snapshots, 0);
    }
    assert.match(restart.digest, /^[0-9a-f]{64}$/);
  },
  replay: ({ tasks, ended, runs: measured }) => {
    assert.equal(tasks, count);
    for (const { replayed, read } of measured) {
      assert.deepEqual([replayed.succeeded, replayed.pending], [ended, tasks - ended]);
      assert.deepEqual([replayed.entries, replayed.events], [read.entries, read.events]);
    }
  },
  scale: ({ tasks, workers, runs: measured }) => {
    assert.deepEqual([tasks, workers], [count, 2]);
    for (const [registered, uploaded, ended, beside, lost] of measured) {
      assert.deepEqual(
        [registered.accepted, uploaded.accepted, lost.accepted],
        [workers, tasks, workers],
      );
      assert(ended.accepted > 0 && beside.accepted > 0 && beside.jobs > 0);
    }
  },
};

const names = readdirSync(new URL("../src", import.meta.url))
  .map((file) => /^(.*)\.bench\.js$/.exec(file)?.[1])
  .filter((name) => name !== undefined);

// Each starts six processes, twice: seconds on a machine that does something else too.
describe("the benches, at a scale that says nothing about speed", function () {
  this.timeout(120_000);

  it("are there", () => {
    assert.deepEqual(names.sort(), Object.keys(checkCounts).sort());
  });

  for (const name of names) {
    it(`${name} prints one line of JSON, and all that was asked was accepted`, async () => {
      const args = ["run", "-s", "bench", "--", name, "--json", ...scale];
      const { stdout } = await run("npm", args, { cwd: root });
      assert.match(stdout, /^\{.*\}\n$/, "not one line");
      const report = JSON.parse(stdout) as Report;
      const { bench, value, unit, ratio, beside, detail, ...more } = report;
      assert.deepEqual([bench, more], [name, {}]);
      for (const figure of [value, ratio, beside.value]) {
        assert(Number.isFinite(figure) && figure > 0, `${figure} is no figure`);
      }
      for (const text of [unit, beside.what, beside.unit]) assert.match(text, /\S/);
      assert.equal(detail["runs"].length, runs);
      checkCounts[name]?.(detail);
    });

    it(`${name} prints a table for people`, async () => {
      const { stdout } = await run(process.execPath, [main, name, ...scale]);
      const [first = "", blank, head = "", ...rows] = stdout.trimEnd().split("\n");
      assert.match(
        first,
        new RegExp(`^${name}: [\\d.,]+ \\S+; [\\d.]+ of [\\d.,]+ \\S+ \\(.+\\)$`),
      );
      assert.equal(blank, "");
      assert.match(head, /count/);
      const end = rows.indexOf("");
      assert(end >= runs, "fewer rows than runs");
      for (const row of rows.slice(0, end)) assert.match(row, /^\S.* {2}[\d.,]+$/);
      assert.match(rows.slice(end).join("\n"), /accepted/);
    });
  }

  it("refuses a bench that is not there, and says which are", async () => {
    const failed = run(process.execPath, [main, "speed"]);
    await assert.rejects(failed, ({ code, stderr }: { code: number; stderr: string }) => {
      assert.equal(code, 2);
      for (const name of names) assert(stderr.includes(name));
      return true;
    });
  });
});
