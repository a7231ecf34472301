import assert from "node:assert/strict";
import { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { LastEncodedHead, readSubmitJob } from "../../src/rpc/codec/job-request.js";
import { LastHead, SubmitDecoder } from "../../src/rpc/codec/submit-job.js";

/** Requests that come one after the other, as one master reads them. */
class Edge {
  readonly #lastEncoded = new LastEncodedHead();
  readonly #last = new LastHead();

  submit(request: Parameters<typeof SubmitJobRequest.fromPartial>[0]) {
    const encoded = SubmitJobRequest.encode(SubmitJobRequest.fromPartial(request)).finish();
    const { namespace, item, bytes } = readSubmitJob(Buffer.from(encoded), this.#lastEncoded);
    return new SubmitDecoder("SubmitJob", namespace, bytes, this.#last).decode(item).command;
  }
}

const job = (text: string, name = "sweep") => ({
  name,
  stages: [{ taskType: "noop", tasks: [{ payload: Buffer.from(text) }] }],
});

describe("jobs that are alike but for their tasks", () => {
  it("share one spec, also when each comes in a request of its own", () => {
    const edge = new Edge();
    const first = edge.submit({ idempotencyKey: "a", job: job("one") });
    const second = edge.submit({ idempotencyKey: "b", job: job("two, and longer") });
    assert.equal(second.spec, first.spec);
    assert.notEqual(second.fingerprint, first.fingerprint);
    assert.equal(second.idempotencyKey, "b");
  });

  it("share nothing with a job that says anything else", () => {
    const edge = new Edge();
    const { spec } = edge.submit({ job: job("one") });
    assert.equal(edge.submit({ job: job("one", "other") }).spec.name, "other");
    assert.equal(edge.submit({ job: job("one") }).spec.name, "sweep");
    assert.equal(edge.submit({ namespace: "lab", job: job("one") }).spec.namespace, "lab");
    assert.equal(edge.submit({ job: job("one") }).spec.namespace, spec.namespace);
    assert.equal(edge.submit({ job: job("one"), moreToUpload: true }).moreToUpload, true);
    assert.equal(edge.submit({ job: job("one") }).moreToUpload, false);
  });

  it("are checked anew after one that was refused", () => {
    const edge = new Edge();
    const bad = { job: job("one", "not a name!") };
    assert.throws(() => edge.submit(bad), /job\.name|not a name/);
    assert.throws(() => edge.submit(bad), /job\.name|not a name/);
    assert.equal(edge.submit({ job: job("one") }).spec.name, "sweep");
  });
});
