import assert from "node:assert/strict";
import { FewLines } from "../../src/telemetry/few-lines.js";
import { TestClock } from "../rpc/session/support/test-clock.js";

describe("a log of few lines", () => {
  it("says the same no more than twenty times in a window, and then how often it was said beyond", async () => {
    const clock = new TestClock();
    const lines: [string, object, string][] = [];
    const at = (level: string) => (fields: object, message: string) => {
      lines.push([level, fields, message]);
    };
    const inner = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
    const log = new FewLines(inner, clock);
    for (let i = 0; i < 10_000; i++) log.info({ i }, "a worker is lost");
    log.info({}, "a job failed");
    const said = () => lines.filter(([level]) => level === "info").map(([, , message]) => message);
    assert.equal(said().length, 21);
    assert.equal(lines.length, 10_001);
    await clock.advance(10_000);
    assert.deepEqual(lines.at(-1), [
      "info",
      { more: 9_980, withinMs: 10_000 },
      "more of the same: a worker is lost",
    ]);
    assert.equal(said().length, 22);
    log.info({}, "a worker is lost");
    assert.equal(said().length, 23);
  });
});
