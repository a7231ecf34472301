import assert from "node:assert/strict";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import { SubmitJobResponse, SubmitJobsResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { SubmitJobResult } from "@capstan/proto/capstan/v1/master_service.js";
import fc from "fast-check";
import { readSubmitResults } from "../src/rpc/submit-results.js";

const jobId = fc.oneof(
  fc.constant(`job_${"0".repeat(26)}`),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "\ufeffjob", "j".repeat(120), "j".repeat(127), "j".repeat(128)),
);

const result: fc.Arbitrary<SubmitJobResult> = fc
  .oneof(
    { weight: 4, arbitrary: jobId.map((id) => ({ jobId: id, state: JobState.JOB_STATE_RUNNING })) },
    {
      weight: 2,
      arbitrary: fc.record({
        jobId,
        state: fc.constantFrom(...([0, 1, 6, 99, 127, 128, -1] as JobState[])),
        existing: fc.boolean(),
        nextIndexes: fc.constantFrom<{ stage: string; count: number }[]>(
          [],
          [{ stage: "main", count: 3 }],
        ),
        warnings: fc.constantFrom<{ kind: number; stage: string; message: string }[]>(
          [],
          [{ kind: 1, stage: "main", message: "no worker" }],
        ),
      }),
    },
  )
  .map((job) => ({ result: { $case: "job", value: SubmitJobResponse.create(job) } }));

const other = fc.constantFrom<SubmitJobResult>(
  { result: undefined },
  { result: { $case: "error", value: { code: 3, message: "name: is missing", details: [] } } },
);

const results = fc.array(fc.oneof({ weight: 4, arbitrary: result }, other), { maxLength: 8 });

const encoded = (of: SubmitJobResult[]): Buffer =>
  Buffer.from(SubmitJobsResponse.encode({ results: of }).finish());

describe("the outcomes of a bulk submit", () => {
  it("are what the generated code reads", () => {
    fc.assert(
      fc.property(results, (of) => {
        const bytes = encoded(of);
        assert.deepEqual(readSubmitResults(bytes), SubmitJobsResponse.decode(bytes).results);
      }),
      { numRuns: 300 },
    );
  });

  it("are read past what later versions add", () => {
    const bytes = encoded([
      { result: { $case: "job", value: SubmitJobResponse.create({ jobId: "j" }) } },
    ]);
    const unknown = Buffer.from(
      "a00601" + "a106" + "00".repeat(8) + "a20600" + "a506" + "00".repeat(4),
      "hex",
    );
    const group = Buffer.from("a306" + "0801" + "a406", "hex");
    const all = Buffer.concat([unknown, bytes, group, bytes]);
    assert.deepEqual(readSubmitResults(all), SubmitJobsResponse.decode(all).results);
  });

  it("are refused where they are cut, or are fewer", () => {
    let refused = 0;
    fc.assert(
      fc.property(results, fc.nat(), (of, at) => {
        const whole = encoded(of);
        const bytes = whole.subarray(0, at % (whole.length + 1));
        let expected: SubmitJobResult[];
        try {
          expected = SubmitJobsResponse.decode(bytes).results;
        } catch {
          assert.throws(() => readSubmitResults(bytes), Error);
          refused += 1;
          return;
        }
        assert.deepEqual(readSubmitResults(bytes), expected);
      }),
      { numRuns: 300 },
    );
    assert.ok(refused > 50, `${refused} refused`);
  });

  it("are refused, or read to some end, when a byte is changed", () => {
    fc.assert(
      fc.property(results, fc.nat(), fc.nat(255), (of, at, byte) => {
        const bytes = encoded(of);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        try {
          readSubmitResults(bytes);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
      { numRuns: 300 },
    );
  });
});
