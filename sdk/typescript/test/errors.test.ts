import assert from "node:assert/strict";
import { status, type Metadata } from "@grpc/grpc-js";
import {
  AlreadyExistsError,
  CapstanError,
  InvalidArgumentError,
  NotFoundError,
  PermissionDeniedError,
  ProtocolMismatchError,
  SupersededError,
  UnavailableError,
} from "../src/index.js";
import { errorOf } from "./support/scripted-master.js";

describe("CapstanError.from", () => {
  it("reads code, reason, metadata, violations and the wait from the details", () => {
    const violations = [{ field: "job.name", description: "is empty" }];
    const thrown = errorOf(status.INVALID_ARGUMENT, "INVALID_FIELD", {
      metadata: { field: "job.name" },
      violations,
      retryInMs: 250,
    });
    const error = CapstanError.from(thrown);
    assert.ok(error instanceof InvalidArgumentError);
    assert.equal(error.name, "InvalidArgumentError");
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.equal(error.reason, "INVALID_FIELD");
    assert.deepEqual(error.metadata, { field: "job.name" });
    assert.deepEqual(error.violations, violations);
    assert.equal(error.retryAfterMs, 250);
    // All that it says is above: its bytes once more would be noise.
    assert.equal(error.cause, undefined);
  });

  for (const [code, reason, type] of [
    [status.NOT_FOUND, "JOB_NOT_FOUND", NotFoundError],
    [status.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT", AlreadyExistsError],
    [status.PERMISSION_DENIED, "ROLE_MISSING", PermissionDeniedError],
    [status.UNAVAILABLE, "STOPPING", UnavailableError],
    [status.FAILED_PRECONDITION, "SUPERSEDED", SupersededError],
    [status.FAILED_PRECONDITION, "PROTOCOL_MISMATCH", ProtocolMismatchError],
    [status.FAILED_PRECONDITION, "UPLOAD_GAP", CapstanError],
  ] as const) {
    it(`has a class for ${reason}`, () => {
      assert.equal(CapstanError.from(errorOf(code, reason)).constructor, type);
    });
  }

  it("keeps the code when the details do not decode, or are of another domain", () => {
    const thrown = errorOf(status.NOT_FOUND, "X") as Error & { metadata: Metadata };
    thrown.metadata.set("grpc-status-details-bin", Buffer.from([0xff, 0xff]));
    assert.equal(CapstanError.from(thrown).code, "NOT_FOUND");
  });

  it("takes anything, and gives back what is one already", () => {
    const error = CapstanError.from("just text");
    assert.deepEqual([error.code, error.message], ["UNKNOWN", "just text"]);
    assert.equal(CapstanError.from(error), error);
    assert.equal(CapstanError.from(new TypeError("x")).code, "UNKNOWN");
    assert.equal(CapstanError.from(null).code, "UNKNOWN");
    assert.equal(CapstanError.from({ code: 99 }).code, "UNKNOWN");
  });
});
