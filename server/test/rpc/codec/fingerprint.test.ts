import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import fc from "fast-check";
import { Fingerprints } from "../../../src/rpc/codec/fingerprint.js";
import type { JobHead } from "../../../src/rpc/codec/encoded-items.js";
import { readSubmitJob } from "../../../src/rpc/codec/job-request.js";
import { Prng } from "../../core/support/prng.js";
import { oddly, schemas } from "../support/odd-encoding.js";
import { submitJob } from "../support/requests.js";

const encode = (request: SubmitJobRequest) =>
  Buffer.from(SubmitJobRequest.encode(request).finish());

function fingerprintOf(bytes: Buffer): string {
  const { namespace, item } = readSubmitJob(bytes);
  return new Fingerprints(namespace).of(item.head as JobHead, item);
}

type WithJob = SubmitJobRequest & { readonly job: JobSpec };
const withJob = submitJob.filter((request): request is WithJob => request.job !== undefined);

/** All places within a value. What is one of several kinds is one place. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return [path];
  if ("$case" in value) return [path];
  const within = Object.entries(value).flatMap(([key, part]) => placesIn(part, [...path, key]));
  return [path, ...within];
}

/** What is at a place; undefined: nothing. What every object has, such as `toString`, is not there. */
const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((part, key) => {
    if (typeof part !== "object" || part === null || !Object.hasOwn(part, key)) return undefined;
    return (part as Record<string, unknown>)[key];
  }, value);

/** A copy of `value`, with what another has at one place. */
function mixed<T>(value: T, other: T, path: readonly string[]): T {
  const [key, ...rest] = path;
  if (key === undefined) return other;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as T;
  const parts = copy as Record<string, unknown>;
  parts[key] = mixed(parts[key], (other as Record<string, unknown>)[key], rest);
  return copy;
}

const reversed = <T>(map: Record<string, T>) => Object.fromEntries(Object.entries(map).reverse());

describe("the fingerprint of a submit", () => {
  it("never changes: journals keep it for as long as an idempotency key lives", () => {
    const plain = SubmitJobRequest.fromPartial({
      namespace: "default",
      job: {
        name: "films",
        stages: [{ taskType: "render", tasks: [{ payload: Buffer.from("p") }] }],
      },
    });
    assert.equal(
      fingerprintOf(encode(plain)),
      "6d22d9a6533c80c4edb4ca802d8a04c6cba4e3c3a9f0721a6d8a9cdf542df0f0",
    );
    const full = SubmitJobRequest.fromPartial({
      namespace: "studio",
      moreToUpload: true,
      job: {
        name: "films",
        stages: [
          { name: "map", taskType: "render", partitions: 2, tasks: [{}, { delayMs: 5 }] },
          {
            name: "reduce",
            dependsOn: [{ stage: "map", kind: 2 }],
            demand: [{ name: "cpu", milli: 1_500n }],
            tasks: [{ payload: Buffer.alloc(200, 7), inputs: [{ uri: "u", hosts: ["h1", "h2"] }] }],
          },
        ],
        policy: { retry: { maxAttempts: 3, backoffFactor: 1.5 } },
        typePolicies: { render: { attemptTimeoutMs: 1_000 }, encode: { budgets: { oom: 0 } } },
        labels: { zone: "north", team: "blue", "7": "seven" },
        onTaskFailure: {
          policy: { $case: "tolerate", value: { limit: { $case: "count", value: 1 } } },
        },
      },
    });
    assert.equal(
      fingerprintOf(encode(full)),
      "f7e9ef704bd92675e2f8b66e4043b48be9e86146e3563e40ee559f05c8e03a85",
    );
  });

  it("is the same for the same request, however it is written", () => {
    fc.assert(
      fc.property(withJob, fc.integer(), (request, seed) => {
        const plain = encode(request);
        const { job } = request;
        const turned = {
          ...job,
          labels: reversed(job.labels),
          typePolicies: reversed(job.typePolicies),
        };
        const fingerprint = fingerprintOf(plain);
        assert.match(fingerprint, /^[0-9a-f]{64}$/);
        assert.equal(fingerprintOf(oddly(plain, schemas.submitJob, seed)), fingerprint);
        assert.equal(fingerprintOf(encode({ ...request, job: turned })), fingerprint);
      }),
    );
  });

  it("is not of the key, nor of the trace", () => {
    fc.assert(
      fc.property(withJob, submitJob, (request, { idempotencyKey, traceContext }) => {
        const other = { ...request, idempotencyKey, traceContext };
        assert.equal(fingerprintOf(encode(other)), fingerprintOf(encode(request)));
      }),
      { numRuns: 50 },
    );
  });

  it("is another when anything else is", () => {
    let others = 0;
    fc.assert(
      fc.property(withJob, withJob, fc.integer(), (request, other, seed) => {
        const prng = new Prng(seed);
        const { namespace, moreToUpload, job } = request;
        const asked = { namespace, moreToUpload, job };
        const places = placesIn(asked).filter(
          (path) => path.length > 0 && at(other, path) !== undefined,
        );
        for (let i = 0; i < 5; i++) {
          const changed = mixed<object>(asked, other, prng.pick(places)) as typeof asked;
          const isSame = isDeepStrictEqual(changed, asked);
          if (!isSame) others += 1;
          const before = fingerprintOf(encode(request));
          const after = fingerprintOf(encode({ ...request, ...changed }));
          assert.equal(after === before, isSame);
        }
      }),
    );
    assert(others > 100, `${others} changes`);
  });

  it("tells where tasks belong: by their stage, their order and their number", () => {
    const tasks = ["a", "b", "", "ab"].map((text) => ({ payload: Buffer.from(text) }));
    const [a, b, none, ab] = tasks;
    const splits = [
      [[a, b], []],
      [[a], [b]],
      [[], [a, b]],
      [[b, a], []],
      [[ab], []],
      [[ab, none], []],
      [[a, b, none], []],
      [[none, a, b], []],
      [[a, b], [none]],
      [[a, a, b], []],
    ];
    const seen = splits.map((stages) =>
      fingerprintOf(
        encode(
          SubmitJobRequest.fromPartial({
            job: { stages: stages.map((some) => ({ tasks: some as { payload: Buffer }[] })) },
          }),
        ),
      ),
    );
    assert.equal(new Set(seen).size, splits.length);
  });

  it("of a job in a bulk call is what it is alone, whatever came before it", () => {
    fc.assert(
      fc.property(fc.array(withJob, { maxLength: 4 }), (requests) => {
        const fingerprints = new Fingerprints("default");
        for (const request of [...requests, ...requests]) {
          const bytes = encode({ ...request, namespace: "default" });
          const { item } = readSubmitJob(bytes);
          assert.equal(fingerprints.of(item.head as JobHead, item), fingerprintOf(bytes));
        }
      }),
      { numRuns: 50 },
    );
  });
});
