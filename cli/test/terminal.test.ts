import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import type { Client, Job, JobProgress, TaskCounts } from "@capstan/sdk";
import { agoOf, length } from "../src/output/human.js";
import { paletteOf } from "../src/output/palette.js";
import { progressView } from "../src/output/progress.js";
import { table } from "../src/output/table.js";
import { sides, type Session } from "../src/session.js";

/** A terminal that keeps what is drawn on it. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  readonly columns: number;
  constructor(columns = 100) {
    super();
    this.columns = columns;
  }
  text(): string {
    return (this.read() as Buffer | null)?.toString() ?? "";
  }
}

const counts = (part: Partial<TaskCounts>): TaskCounts => ({
  total: 0,
  blocked: 0,
  scheduled: 0,
  pending: 0,
  leased: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  dropped: 0,
  retries: 0,
  deadRecords: 0,
  ...part,
});

const stage = (name: string, part: Partial<TaskCounts>) => ({ name, counts: counts(part) });

function progress(stages: readonly object[], all: Partial<TaskCounts>, rate = 0): JobProgress {
  const job = { state: "running", paused: false, stages, counts: counts(all) };
  return { job: job as unknown as Job, running: [], tasksPerSecond: rate };
}

function sessionOn(terminal: Terminal, color: "always" | "never" = "never"): Session {
  const surroundings = {
    env: {},
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: terminal,
    onSignal: () => () => {},
    now: () => 0,
  };
  return {
    settings: { output: "table", color } as Session["settings"],
    surroundings,
    client: {} as Client,
    hearConnection: () => undefined,
    timeUp: new AbortController().signal,
    ...sides({ color }, surroundings),
  };
}

describe("on a terminal", () => {
  it("a job is a bar for each stage, the last news standing when it ends", () => {
    const terminal = new Terminal();
    const view = progressView(sessionOn(terminal), { quiet: false });
    view.show(progress([stage("map", { total: 4 }), stage("reduce", { total: 2 })], { total: 6 }));
    const ended = [
      stage("map", { total: 4, succeeded: 4, retries: 1 }),
      stage("reduce", { total: 2, succeeded: 1, running: 1 }),
    ];
    view.show(progress(ended, { total: 6, succeeded: 5 }));
    view.stop();
    const drawn = terminal.text();
    assert.match(drawn, /map {4}█{24} 4\/4, 1 retry/);
    assert.match(drawn, /reduce █+░+ 1\/2, 1 running/);
    assert.ok(drawn.lastIndexOf("\u001b[?25h") > drawn.lastIndexOf("\u001b[?25l"), "cursor shown");
    assert.ok(drawn.endsWith("\n"));
  });

  it("a job of one stage tells its rate and what is left", () => {
    const terminal = new Terminal();
    const view = progressView(sessionOn(terminal), { quiet: false });
    const part = { total: 100, succeeded: 40, running: 4 };
    view.show(progress([stage("main", part)], part, 12));
    view.stop();
    assert.match(terminal.text(), / 40\/100, 4 running, 12 a second, 5\.0 s left/);
  });

  it("a failure is told apart from what is done, in the bar, the number and the words", () => {
    const terminal = new Terminal();
    const view = progressView(sessionOn(terminal), { quiet: false });
    const part = { total: 100, succeeded: 40, failed: 20, running: 4 };
    view.show(progress([stage("main", part)], part));
    view.stop();
    assert.match(terminal.text(), /main █{10}▒{5}░{9} 40\/100, 20 failed, 4 running/);
    const one = new Terminal();
    const single = progressView(sessionOn(one), { quiet: false });
    const large = { total: 1_000_000, succeeded: 999_999, failed: 1 };
    single.show(progress([stage("main", large)], large));
    single.stop();
    assert.match(one.text(), /main █{23}▒ 999,999\/1,000,000, 1 failed/);
  });

  it("progress and what is said beside it stay within the narrowest terminal", () => {
    for (const columns of [40, 50, 60]) {
      const terminal = new Terminal(columns);
      const view = progressView(sessionOn(terminal), { quiet: false });
      const part = { total: 1_000_000, succeeded: 400_000, failed: 3, running: 4, retries: 70 };
      view.show(progress([stage("a".repeat(63), part), stage("reduce", part)], part, 1_200));
      view.note("no worker serves the type count-delays of stage map: start one that does");
      view.stop();
      // eslint-disable-next-line no-control-regex -- what moves the cursor is no text
      const lines = terminal.text().split(/\r|\n|\u001b\[[0-9;?]*[A-Za-z]/);
      const longest = Math.max(...lines.map((line) => line.length));
      assert.ok(longest <= columns, `${longest} of ${columns}: ${JSON.stringify(lines)}`);
      assert.ok(lines.some((line) => line.includes("400,000/1,000,000")));
      assert.ok(lines.join(" ").includes("stage map: start"));
    }
  });

  it("the last state of a bar stays whole on a narrow terminal, in colors too", () => {
    const terminal = new Terminal(60);
    const view = progressView(sessionOn(terminal, "always"), { quiet: false });
    const part = { total: 3, failed: 2, cancelled: 1 };
    view.show(progress([stage("main", part)], part));
    view.stop();
    const drawn = terminal.text();
    const last = drawn.slice(drawn.lastIndexOf("main"));
    assert.ok(last.includes("0/3") && last.includes("2 failed, 1 cancelled"), JSON.stringify(last));
  });

  it("colors follow the flag, then NO_COLOR, then the stream", () => {
    const terminal = new Terminal();
    const enabled = (mode: "auto" | "always", env: Record<string, string>, stream = terminal) =>
      paletteOf(mode, stream, env).enabled;
    assert.equal(enabled("auto", {}), true);
    assert.equal(enabled("auto", { NO_COLOR: "1" }), false);
    assert.equal(enabled("auto", { NO_COLOR: "" }), true);
    assert.equal(enabled("auto", { TERM: "dumb" }), false);
    assert.equal(enabled("always", { NO_COLOR: "1" }), true);
    assert.equal(enabled("auto", {}, new PassThrough() as unknown as Terminal), false);
  });

  it("a table keeps ids whole and cuts its last column to the line", () => {
    const palette = paletteOf("never", new Terminal(), {});
    const id = `job_${"A".repeat(26)}`;
    const text = table(["JOB", "NOTE"], [[id, "x".repeat(200)]], { palette, columns: 60 });
    const [, row = ""] = text.split("\n");
    assert.equal(row.length, 60);
    assert.ok(row.startsWith(`${id}  xxx`) && row.endsWith("…"));
  });

  it("a table leaves out what can be spared, and is blocks where even that does not fit", () => {
    const palette = paletteOf("never", new Terminal(), {});
    const id = `job_${"A".repeat(26)}`;
    const head = ["JOB", "STATE", "TOOK", "NAME"];
    const rows = [
      [id, "succeeded", "3 min 20 s", "flights-of-a-whole-year"],
      [id, "failed", "", "x"],
    ];
    const at = (columns: number) => table(head, rows, { palette, columns, spare: [2] }).split("\n");
    assert.match(at(80)[0] ?? "", /^JOB +STATE +TOOK +NAME$/);
    assert.match(at(60)[0] ?? "", /^JOB +STATE +NAME$/);
    for (const columns of [60, 80]) assert.ok(at(columns).every((line) => line.length <= columns));
    assert.deepEqual(at(40), [
      `JOB    ${id}`,
      "STATE  succeeded",
      "TOOK   3 min 20 s",
      "NAME   flights-of-a-whole-year",
      "",
      `JOB    ${id}`,
      "STATE  failed",
      "NAME   x",
    ]);
  });

  it("numbers are told in one style, moments too", () => {
    const terminal = new Terminal();
    const view = progressView(sessionOn(terminal), { quiet: false });
    const part = { total: 20_000, succeeded: 1_500, running: 1_024 };
    view.show(progress([stage("main", part)], part, 1_234.5));
    view.stop();
    assert.match(terminal.text(), / 1,500\/20,000, 1,024 running, 1,235 a second, 15 s left/);
    assert.deepEqual([0, 1_600, 200_000].map(agoOf), ["just now", "1 s ago", "3 min ago"]);
  });

  it("lengths of time are told in two parts at most", () => {
    const told = [0, 999, 1_000, 12_400, 59_600, 61_000, 3_599_900, 3_900_000, 97_200_000].map(
      length,
    );
    assert.deepEqual(told, [
      "0 ms",
      "999 ms",
      "1.0 s",
      "12 s",
      "1 min",
      "1 min 1 s",
      "1 h",
      "1 h 5 min",
      "1 d 3 h",
    ]);
  });
});
