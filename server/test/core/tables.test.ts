import assert from "node:assert/strict";
import fc from "fast-check";
import { BagTable } from "../../src/core/placement/bags.js";
import type { JobSpec, StageSpec } from "../../src/core/spec.js";
import { RefColumn } from "../../src/core/state/columns.js";
import type { JobState } from "../../src/core/state/jobs.js";
import { JobTable } from "../../src/core/state/jobs.js";
import { StageTable, taskAt } from "../../src/core/state/stages.js";
import { TaskState } from "../../src/core/state/tasks.js";

// What a spec says does not matter to the tables; that they give back the very one does.
const specOf = (name: string) => ({ name }) as unknown as JobSpec;
const stageSpecOf = (name: string) => ({ name }) as unknown as StageSpec;

const jobStates: readonly JobState[] = [
  ...(["uploading", "running", "failing", "cancelling"] as const),
  ...(["succeeded", "failed", "cancelled"] as const),
];

const sweep = fc.record({
  scope: fc.constantFrom("all" as const, "unleased" as const, "blocked" as const),
  stage: fc.nat(),
  index: fc.nat(),
});

/** Anything that may change of a job, in any mix. */
const jobChange = fc.record(
  {
    state: fc.constantFrom(...jobStates),
    uploadLapsesAt: fc.nat(),
    sweep: fc.option(sweep, { nil: undefined }),
    cancelCause: fc.constantFrom("request" as const, "upload_lapsed" as const),
    note: fc.string(),
    failedTask: fc.nat(),
    finishedWall: fc.integer({ min: 1 }),
    liveLeases: fc.nat(),
    revision: fc.nat(),
  },
  { requiredKeys: [] },
);

/** Few rows, so that each is changed often and looked at between changes of others. */
const rows = 4;

describe("the table of jobs", () => {
  it("keeps of each job what an object would, whichever view it is changed through", () => {
    const changes = fc.array(fc.record({ row: fc.nat(rows - 1), change: jobChange }));
    fc.assert(
      fc.property(changes, (changed) => {
        const table = new JobTable();
        const model = Array.from({ length: rows }, (_, no) => {
          const facts = {
            id: `job_${String(no)}`,
            spec: specOf(`spec ${String(no)}`),
            idempotencyKey: no % 2 === 0 ? "" : `key ${String(no)}`,
            fingerprint: `print ${String(no)}`,
            submittedAt: no + 0.5,
            submittedWall: 1_800_000_000_000 + no,
            firstStage: 2 * no,
            stageCount: 2,
            state: no === 0 ? ("uploading" as const) : ("running" as const),
            uploadLapsesAt: no === 0 ? 7 : 0,
          };
          assert.equal(table.add(facts).no, no);
          return {
            ...facts,
            ...{ no, run: 1, note: "", liveLeases: 0, revision: 0, sweep: undefined as unknown },
            ...{ cancelCause: undefined, failedTask: undefined, finishedWall: undefined },
          };
        });
        for (const { row, change } of changed) {
          const kept = table.at(row);
          table.at((row + 1) % rows);
          Object.assign(kept, change);
          Object.assign(model[row] as object, change);
          for (const [no, expected] of model.entries()) {
            for (const [name, value] of Object.entries(expected)) {
              const is = table.at(no)[name as keyof typeof expected];
              assert.deepEqual(is, value, `${name} of job ${String(no)}`);
            }
          }
        }
        assert.deepEqual(
          Array.from(table, (job) => job.id),
          model.map(({ id }) => id),
        );
      }),
    );
  });

  it("knows its jobs, and no others", () => {
    const table = new JobTable();
    assert.equal(table.has(0), false);
    table.add({
      ...{ id: "job_a", spec: specOf("a"), idempotencyKey: "", fingerprint: "" },
      ...{ submittedAt: 0, submittedWall: 0, firstStage: 0, stageCount: 1 },
      ...{ state: "running", uploadLapsesAt: 0 },
    });
    assert.deepEqual(
      [-1, 0, 1, 2 ** 40].map((no) => table.has(no)),
      [false, true, false, false],
    );
  });
});

describe("the table of stages", () => {
  it("finds the tasks of each stage by their index, however their uploads were mixed", () => {
    const parts = fc.array(fc.record({ stage: fc.nat(2), more: fc.integer({ min: 1, max: 5 }) }));
    fc.assert(
      fc.property(parts, (added) => {
        const table = new StageTable();
        const model = [0, 1, 2].map((position): number[] => {
          table.add(9, position, stageSpecOf(String(position)));
          return [];
        });
        let next = 0;
        for (const { stage, more } of added) {
          table.at(stage).grow(next, more);
          for (let i = 0; i < more; i++) model[stage]?.push(next++);
        }
        for (const [no, tasks] of model.entries()) {
          const stage = table.at(no);
          assert.equal(stage.taskCount, tasks.length);
          const found = tasks.map((_, index) => taskAt(stage, index));
          assert.deepEqual(found, tasks);
          assert.equal(taskAt(stage, tasks.length), undefined);
          assert.equal(taskAt(stage, -1), undefined);
        }
      }),
    );
  });

  it("counts the tasks of each stage by state, apart from those of its neighbours", () => {
    const table = new StageTable();
    const stages = [0, 1, 2].map((position) => table.add(0, position, stageSpecOf("s")));
    const states = Object.values(TaskState);
    for (const [times, state] of states.entries()) {
      for (let i = 0; i <= times; i++) stages[1]?.count(state, 1);
    }
    stages[1]?.count(TaskState.cancelled, -1);
    assert.deepEqual(Object.values(table.at(1).counts), [1, 2, 3, 4, 5, 6, 6]);
    for (const other of [0, 2]) assert.ok(states.every((of) => table.at(other).countIn(of) === 0));
  });

  it("keeps the bags of each stage in the order in which they came", () => {
    const table = new StageTable();
    for (const position of [0, 1, 2]) table.add(0, position, stageSpecOf("s"));
    const seen: (readonly number[])[] = [];
    for (const [stage, bag] of [
      [2, 0],
      [1, 1],
      [2, 2],
      [2, 3],
    ] as const) {
      table.at(stage).addBag(bag);
      seen.push(table.at(stage).bags);
    }
    assert.deepEqual(table.at(0).bags, []);
    assert.deepEqual(table.at(1).bags, [1]);
    assert.deepEqual(table.at(2).bags, [0, 2, 3]);
  });
});

describe("the contexts of bags", () => {
  it("are a bag's own or none, however many bags there are", () => {
    const table = new BagTable();
    for (const no of [0, 1, 256, 257, 512]) {
      const bag = table.at(no);
      assert.equal(bag.context, undefined);
      bag.context = no;
      assert.equal(table.at(no).context, no);
    }
    assert.equal(table.at(0).context, undefined);
    assert.equal(table.at(512).context, 512);
    assert.equal(table.at(257).context, 257);
  });
});

describe("a column of references", () => {
  it("gives back what was set last, over the edges of its chunks, and undefined elsewhere", () => {
    const column = new RefColumn<string>();
    const edge = 2 ** 14;
    for (const at of [0, edge - 1, edge, 3 * edge]) column.set(at, `at ${String(at)}`);
    column.set(edge, undefined);
    const seen = [0, 1, edge - 1, edge, edge + 1, 3 * edge, 9 * edge].map((at) => column.get(at));
    assert.deepEqual(seen, [
      ...["at 0", undefined, `at ${String(edge - 1)}`, undefined, undefined],
      ...[`at ${String(3 * edge)}`, undefined],
    ]);
  });
});
