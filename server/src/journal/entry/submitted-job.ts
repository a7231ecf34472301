import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { JobSpec as WireJobSpec } from "@capstan/proto/capstan/journal/v1/spec.js";
import type { EventOf, JobSpec } from "../../core/index.js";
import type { ByteSink } from "./byte-sink.js";
import { packJobSpec } from "./spec-codec.js";

/** Fields of `JobSubmittedV1`. */
const Field = {
  job: 1,
  id: 2,
  idempotencyKey: 3,
  fingerprint: 4,
  uploading: 5,
  spec: 6,
} as const;

/**
 * Writes jobs that came. Whoever submits many small ones submits many that are alike: those share
 * one spec, which is encoded once for as many of them as follow each other.
 */
export class JobSubmittedWriter {
  readonly #writer = new BinaryWriter();
  #spec: JobSpec | undefined;
  #specBytes: Uint8Array | undefined;

  write(message: ByteSink, event: EventOf<"job_submitted">): void {
    message.number(Field.job, event.job);
    message.text(Field.id, event.id);
    message.text(Field.idempotencyKey, event.idempotencyKey);
    message.text(Field.fingerprint, event.fingerprint);
    message.number(Field.uploading, event.uploading ? 1 : 0);
    message.field(Field.spec, this.#encode(event.spec));
  }

  #encode(spec: JobSpec): Uint8Array {
    if (this.#specBytes === undefined || this.#spec !== spec) {
      this.#spec = spec;
      this.#specBytes = WireJobSpec.encode(packJobSpec(spec), this.#writer).finish();
    }
    return this.#specBytes;
  }
}
