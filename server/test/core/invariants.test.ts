import assert from "node:assert/strict";
import { checkInvariants } from "../../src/core/index.js";
import { Scenario } from "./support/scenario.js";

describe("the look at every invariant", () => {
  /** A job with a key, two of whose tasks are ahead at its worker. */
  function open() {
    const story = new Scenario();
    story.worker({ prefetch: 2 });
    story.submit({ key: "k", stages: [{ tasks: 3 }] });
    assert.equal(story.place().length, 3);
    const { state } = story.machine;
    checkInvariants(state);
    return state;
  }

  it("sees a job that is not found by its id", () => {
    const state = open();
    state.jobs.id.set(0, "job_other");
    assert.throws(() => checkInvariants(state), /not found by its id/);
  });

  it("sees a job that is not found by its key", () => {
    const state = open();
    state.jobByKey.clear();
    assert.throws(() => checkInvariants(state), /not found by its key/);
  });

  it("sees leases ahead that are out of order", () => {
    const state = open();
    state.worker(0).ahead.reverse();
    assert.throws(() => checkInvariants(state), /behind a younger one/);
  });

  it("sees a lease in the place of one that is ahead", () => {
    const state = open();
    const { ahead, leases } = state.worker(0);
    const [running] = [...leases].filter((no) => !ahead.includes(no));
    ahead[0] = running as number;
    assert.throws(() => checkInvariants(state), /is not ahead there/);
  });

  it("sees a task that loses one worker after the other and is not known for that", () => {
    const state = open();
    state.tasks.lost.add(0, 2);
    assert.throws(() => checkInvariants(state), /task 0 is kept as losing: false/);
  });
});
