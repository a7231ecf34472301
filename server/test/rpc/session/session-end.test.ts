import assert from "node:assert/strict";
import type { WorkerView } from "../../../src/core/index.js";
import { tellEnd } from "../../../src/rpc/session/session-end.js";
import { sessionLost, stopping, superseded } from "../../../src/rpc/session/session-errors.js";

describe("The end of a worker's session, in the log", () => {
  const connected = { connection: "connected", leases: 1 } as WorkerView;
  const disconnected = { connection: "disconnected", leases: 1 } as WorkerView;
  const left = { connection: "left", leases: 0 } as WorkerView;
  const cases: readonly (readonly [unknown, WorkerView, string])[] = [
    [undefined, left, "info a worker has left"],
    [
      sessionLost("nothing was heard"),
      disconnected,
      "info a worker's session ended: it is lost unless it comes back in time",
    ],
    [superseded("w"), connected, "info a worker's session ended: another process has taken its id"],
    [sessionLost("a newer stream"), connected, "debug a worker's session ended"],
    [stopping(), disconnected, "debug a worker's session ended"],
  ];
  for (const [endedBy, worker, told] of cases) {
    it(`is told as: ${told}`, () => {
      const lines: string[] = [];
      const at = (level: string) => (_: object, message: string) => {
        lines.push(`${level} ${message}`);
      };
      const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
      tellEnd(log, { session: "1-1", workerId: "w", endedBy }, worker, 15_000);
      assert.deepEqual(lines, [told]);
    });
  }
});
