import assert from "node:assert/strict";
import { ReplayLines } from "../../src/telemetry/replay-lines.js";

describe("lines about a replay", () => {
  const lines: [string, object][] = [];
  let now = 0;
  const log = { info: (fields: object, message: string) => void lines.push([message, fields]) };
  const { tell } = new ReplayLines(log, { monotonicMs: () => now });

  beforeEach(() => {
    lines.length = 0;
  });

  it("are one at its start, and one each three seconds, with how much is done", () => {
    tell(10, 11, 50_010);
    for (let at = 11; at <= 50_010; at++) {
      now += 0.1;
      tell(at, 11, 50_010);
    }
    assert.deepEqual(lines[0], ["replaying the journal", { first: 11, last: 50_010 }]);
    assert.deepEqual(
      lines.map(([message]) => message),
      ["replaying the journal", "still replaying the journal"],
    );
    const { entries, of, percent } = lines[1]?.[1] as Record<string, number>;
    assert.equal(of, 50_000);
    assert.equal(percent, Math.floor((100 * (entries ?? 0)) / 50_000));
  });

  it("are none where there is nothing to replay", () => {
    tell(0, 1, 0);
    assert.deepEqual(lines, []);
  });
});
