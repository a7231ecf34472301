import assert from "node:assert/strict";
import { Metadata, status } from "@grpc/grpc-js";
import { Input } from "@capstan/proto/capstan/v1/common.js";
import { AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import { ErrorReason } from "@capstan/proto/capstan/v1/errors.js";
import { Status } from "@capstan/proto/google/rpc/status.js";
import { readFileSync } from "node:fs";
import { encodeBody } from "../../src/rpc/codec/body.js";
import { hostsOf, inputBytesOf } from "../../src/rpc/codec/locality.js";
import { limits } from "../../src/rpc/limits.js";
import { statusByRejection, statusOf } from "../../src/rpc/status.js";
import { cutText, detailsOf } from "../../src/rpc/status-details.js";

const proto = (file: string) =>
  readFileSync(new URL(`../../../../proto/capstan/v1/${file}.proto`, import.meta.url), "utf8");

describe("the status table", () => {
  it("gives every rejection the code that the contract gives its reason", () => {
    const documented = new Map(
      [...proto("errors").matchAll(/\/\/ ([A-Z_]+)[.,][^;]*?ERROR_REASON_([A-Z_]+) = /g)].map(
        ([, code = "", reason = ""]) => [reason, code],
      ),
    );
    for (const { code, reason } of Object.values(statusByRejection)) {
      assert(`ERROR_REASON_${reason}` in ErrorReason, reason);
      if (reason === "PARTITION_INVALID") continue;
      assert.equal(documented.get(reason), status[code], reason);
    }
  });

  it("puts the whole of a refusal into the details, facts of core and handler together", () => {
    const metadata = { next_index: "7" };
    const { code, metadata: trailers } = statusOf(
      { kind: "upload_gap", message: "goes on at 7", metadata },
      { job_id: "job_1" },
    );
    assert.equal(code, status.FAILED_PRECONDITION);
    assert(trailers instanceof Metadata);
    const [bytes] = trailers.get("grpc-status-details-bin");
    assert.equal(Status.decode(bytes as Buffer).code, code);
  });
});

describe("text that is cut", () => {
  it("stays within its bytes and whole in its characters", () => {
    for (const text of ["plain", "ünïcödé", "日本語テキスト", "😀😀😀😀", "a\ud800b"]) {
      for (let bytes = 4; bytes < 30; bytes++) {
        const cut = cutText(text, bytes);
        assert(Buffer.byteLength(cut) <= bytes, `${text} at ${bytes}`);
        assert(!cut.includes("\ufffd") || text.includes("\ud800"), `${cut} at ${bytes}`);
        // grpc-js throws on text that encodeURI does not take.
        encodeURI(cut);
      }
    }
  });

  it("leaves violations out from the end, never the reason", () => {
    const violations = Array.from({ length: 100 }, (_, i) => ({
      field: `f${i}`,
      description: "x".repeat(3_000),
    }));
    for (const bytesMax of [200, 1_000, 4_096]) {
      const refusal = {
        code: 3,
        message: "m".repeat(5_000),
        reason: "INVALID_FIELD" as const,
        facts: { field: "y".repeat(5_000) },
        violations,
        retryInMs: undefined,
      };
      const bytes = Status.encode(detailsOf(refusal, bytesMax)).finish().length;
      assert(bytes <= Math.max(bytesMax, 360), `${bytes} bytes of ${bytesMax}`);
    }
  });
});

describe("the body of a task", () => {
  it("is an AssignedTask of payload and inputs alone", () => {
    for (const length of [0, 1, 127, 128, 16_383, 16_384, 262_144]) {
      const payload = Buffer.alloc(length, 7);
      for (const inputs of [[], [Input.fromPartial({ uri: "u", hosts: ["h"], sizeBytes: 5n })]]) {
        const body = encodeBody(payload, inputs);
        const expected = AssignedTask.encode(
          AssignedTask.fromPartial({ payload, inputs }),
        ).finish();
        assert.deepEqual(Buffer.from(body), Buffer.from(expected));
      }
    }
  });
});

describe("where a task would like to run", () => {
  const input = (sizeBytes: bigint, ...hosts: string[]) =>
    Input.fromPartial({ uri: "u", sizeBytes, hosts });

  it("is where most of its input lies, the most first, at most eight", () => {
    assert.deepEqual(hostsOf([]), []);
    assert.deepEqual(hostsOf([input(1n, "a", "b")]), ["a", "b"]);
    assert.deepEqual(hostsOf([input(5n, "a"), input(7n, "b"), input(3n, "a", "c")]), [
      "a",
      "b",
      "c",
    ]);
    assert.deepEqual(hostsOf([input(0n, "z"), input(0n, "a")]), ["z", "a"]);
    const many = Array.from({ length: 16 }, (_, i) => `h${i}`);
    assert.deepEqual(hostsOf([input(1n, ...many)]), many.slice(0, limits.placementHosts));
    assert.deepEqual(hostsOf([input(1n, "a", "a", "b", "a")]), ["a", "b"]);
    assert.deepEqual(hostsOf([input(1n, "a", "a"), input(1n, "b")]), ["a", "b"]);
  });

  it("adds sizes up without losing count", () => {
    assert.equal(inputBytesOf([input(2n ** 40n), input(1n)]), 2 ** 40 + 1);
    const huge = input(2n ** 53n - 1n);
    assert.equal(inputBytesOf([huge, huge]), Number.MAX_SAFE_INTEGER);
  });
});

describe("the limits of the edge", () => {
  const texts = ["common", "policy", "job", "master_service", "task", "operator_service"]
    .map(proto)
    .join("\n");

  /** As the comments write numbers. */
  const written = (value: number) => value.toLocaleString("en-US");

  for (const [name, value] of Object.entries(limits)) {
    const sayNothing = [
      "placementHosts",
      "statusDetailsBytes",
      "statusMessageBytes",
      "pageBytes",
      "jobDeadlineMsMin",
    ];
    if (sayNothing.includes(name)) continue;
    it(`stand in the comments of the contract: ${name}`, () => {
      const kib = value % 1_024 === 0 ? [`${value / 1_024} KiB`, `${value / 1_048_576} MiB`] : [];
      const forms = [written(value), String(value), ...kib];
      // A name's pattern says one less: its first character stands before the rest.
      if (value === 63) forms.push("{0,62}");
      assert(
        forms.some((form) => texts.includes(form)),
        `${name} = ${value} is in no comment`,
      );
    });
  }
});
