import assert from "node:assert/strict";
import { brokenPromises, figuresOf, overfull, type Figures } from "../../src/flights/figures.js";
import { machines } from "../../src/flights/fleet.js";
import type { SettledTask } from "../../src/flights/meter.js";

const run = { mapMs: 70, retries: 0, elapsedMs: 4_000 };

function settled(some: Partial<SettledTask>): SettledTask {
  return {
    jobId: "job_1",
    stage: "map",
    host: "oak",
    distance: "host",
    atOnce: 1,
    startedAt: 0,
    settledAt: 100,
    outcome: "succeeded",
    ...some,
  };
}

/** Figures that keep every promise. */
function good(): { near: Figures; blind: Figures } {
  const workers = machines.map((machine) => ({
    ...machine,
    tasks: 10,
    busyShare: 0.95,
    mostAtOnce: machine.slots,
  }));
  const near = { workers, shares: { host: 0.86, rack: 0.13, remote: 0.01 }, ...run };
  const shares = { host: 0.25, rack: 0.25, remote: 0.5 };
  return { near, blind: { ...near, shares, elapsedMs: 8_000 } };
}

describe("figures of a run", () => {
  it("count as busy what lies between the first start of a map task anywhere and the last", () => {
    const figures = figuresOf(
      machines,
      [
        settled({ host: "elm", startedAt: 1_000, settledAt: 1_080 }),
        settled({ host: "elm", startedAt: 1_090, settledAt: 1_160 }),
        settled({ host: "oak", startedAt: 1_100, settledAt: 1_200 }),
        settled({ host: "elm", stage: "reduce", startedAt: 1_300, settledAt: 1_400 }),
      ],
      run,
    );
    const elm = figures.workers.find(({ host }) => host === "elm");
    assert.equal(elm?.busyShare, 0.9);
    assert.equal(elm?.tasks, 3);
  });

  it("offer all slots of a worker", () => {
    const figures = figuresOf(
      machines,
      [
        settled({ host: "oak", startedAt: 0, settledAt: 100 }),
        settled({ host: "oak", startedAt: 0, settledAt: 100 }),
        settled({ host: "elm", startedAt: 100, settledAt: 200 }),
      ],
      run,
    );
    assert.equal(figures.workers.find(({ host }) => host === "oak")?.busyShare, 0.5);
  });

  it("take the shares of distances over map tasks alone", () => {
    const figures = figuresOf(
      machines,
      [
        settled({ distance: "host" }),
        settled({ distance: "host" }),
        settled({ distance: "rack" }),
        settled({ distance: "remote" }),
        settled({ stage: "reduce", distance: undefined }),
      ],
      run,
    );
    assert.deepEqual(figures.shares, { host: 0.5, rack: 0.25, remote: 0.25 });
  });

  it("find a worker that ran more handlers than it has slots", () => {
    const figures = figuresOf(machines, [settled({ host: "elm", atOnce: 2 })], run);
    assert.deepEqual(overfull(figures), ["elm had 2 handlers at work at once, and has 1 slots"]);
  });
});

describe("promises of the flights job", () => {
  it("are kept by good figures", () => {
    const { near, blind } = good();
    assert.deepEqual(brokenPromises(near, blind), []);
  });

  it("are broken by a worker that was idle too long, and by no other", () => {
    const { near, blind } = good();
    const [oak, ...others] = near.workers;
    assert.ok(oak !== undefined);
    const idle = { ...near, workers: [{ ...oak, busyShare: 0.84 }, ...others] };
    assert.deepEqual(brokenPromises(idle, blind), [
      "oak was kept 84.0 % full while there was work for it (at least 85.0 % is promised)",
    ]);
  });

  it("are broken by too few map tasks on their data's own host", () => {
    const { near, blind } = good();
    const far = { ...near, shares: { host: 0.69, rack: 0.3, remote: 0.01 } };
    assert.match(brokenPromises(far, blind).join(), /^69.0 % of map tasks ran on their data's own/);
  });

  it("are broken when ignoring the place of data makes little difference or takes no longer", () => {
    const { near, blind } = good();
    const alike = { ...blind, shares: { host: 0.6, rack: 0.2, remote: 0.2 } };
    assert.match(
      brokenPromises(near, alike).join(),
      /too little difference.*60.0 %, beside 86.0 %/,
    );
    const fast = { ...blind, elapsedMs: near.elapsedMs };
    assert.match(brokenPromises(near, fast).join(), /took no longer: 4.0 s, beside 4.0 s/);
  });
});
