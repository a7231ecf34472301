import { hash } from "node:crypto";
import type { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import { TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type { EncodedTasks } from "./encoded-tasks.js";
import type { JobHead, JobRequest } from "./encoded-items.js";

/** Stage and length of a task, before its bytes. */
const taskHeaderBytes = 8;

/**
 * SHA-256 of what a submit asks for, in hexadecimal: the request without its tasks in one canonical
 * encoding, maps by their keys, without its trace context and its key; then each task, by its stage. A
 * field that a later version adds changes no fingerprint of a request without it.
 *
 * One for each request: what jobs of a bulk have in common is encoded once.
 */
export class Fingerprints {
  readonly #namespace: string;
  #head: JobHead | undefined;
  #bytes: Buffer = Buffer.allocUnsafe(1_024);
  #view: Buffer = this.#bytes.subarray(0, 0);
  #headLength = 0;
  #length = 0;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  of(head: JobHead, { tasks }: JobRequest): string {
    if (head !== this.#head) this.#begin(head);
    this.#length = this.#headLength;
    for (let stage = 0; stage < tasks.length; stage++) {
      this.#addTasks(stage, tasks[stage] as EncodedTasks);
    }
    return hash("sha256", this.#whole(), "hex");
  }

  /** What is to be hashed: a view that jobs of one length share, where there are many. */
  #whole(): Buffer {
    if (this.#view.length !== this.#length) this.#view = this.#bytes.subarray(0, this.#length);
    return this.#view;
  }

  #begin(head: JobHead): void {
    // Field by field: what a later version adds has to be thought of here, and does not compile before.
    const canonical: SubmitJobRequest = {
      namespace: this.#namespace,
      idempotencyKey: "",
      job: canonicalJob(head.job),
      moreToUpload: head.moreToUpload,
      traceContext: undefined,
    };
    const encoded = SubmitJobRequest.encode(canonical).finish();
    this.#length = 0;
    this.#add(encoded, 0, encoded.length);
    this.#headLength = this.#length;
    this.#head = head;
  }

  #addTasks(stage: number, tasks: EncodedTasks): void {
    for (let i = 0; i < tasks.count; i++) {
      // A payload and nothing else is canonical as it came.
      if (tasks.payloadStart(i) >= 0) {
        this.#addTask(stage, tasks.bytes, tasks.start(i), tasks.stop(i));
      } else {
        const encoded = TaskSpec.encode(tasks.message(i)).finish();
        this.#addTask(stage, encoded, 0, encoded.length);
      }
    }
  }

  #addTask(stage: number, bytes: Uint8Array, start: number, stop: number): void {
    this.#reserve(taskHeaderBytes);
    this.#length = this.#bytes.writeUInt32LE(stage, this.#length);
    this.#length = this.#bytes.writeUInt32LE(stop - start, this.#length);
    this.#add(bytes, start, stop);
  }

  #add(bytes: Uint8Array, start: number, stop: number): void {
    this.#reserve(stop - start);
    this.#bytes.set(bytes.subarray(start, stop), this.#length);
    this.#length += stop - start;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#view = larger.subarray(0, 0);
  }
}

/** The job itself when there is nothing to sort, as in most. */
function canonicalJob(job: JobSpec): JobSpec {
  const labels = sorted(job.labels);
  const typePolicies = sorted(job.typePolicies);
  if (labels === job.labels && typePolicies === job.typePolicies) return job;
  return { ...job, labels, typePolicies };
}

function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  const keys = Object.keys(map);
  if (keys.length < 2) return map;
  return Object.fromEntries(keys.sort().map((key) => [key, map[key] as T]));
}
