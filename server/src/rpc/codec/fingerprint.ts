import { hash } from "node:crypto";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import type { SubmitJobRequest as SubmitJobMessage } from "@capstan/proto/capstan/v1/master_service.js";
import { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";

/**
 * SHA-256 of what a submit asks for, in hexadecimal: the decoded request in one canonical encoding,
 * maps by their keys, without its trace context and its key. A field that a later version adds
 * changes no fingerprint of a request without it.
 */
export function fingerprintOf(request: SubmitJobMessage, namespace: string): string {
  const { job } = request;
  // Field by field: what a later version adds has to be thought of here, and does not compile before.
  const canonical: SubmitJobMessage = {
    namespace,
    idempotencyKey: "",
    job: job && canonicalJob(job),
    moreToUpload: request.moreToUpload,
    traceContext: undefined,
  };
  return hash("sha256", encode(canonical), "hex");
}

/** The job itself when there is nothing to sort, as in most. */
function canonicalJob(job: JobSpec): JobSpec {
  const labels = sorted(job.labels);
  const typePolicies = sorted(job.typePolicies);
  if (labels === job.labels && typePolicies === job.typePolicies) return job;
  return { ...job, labels, typePolicies };
}

/** Empty between any two calls: one for each request would zero a buffer each time. */
const writer = new BinaryWriter();

function encode(request: SubmitJobMessage): Uint8Array {
  try {
    return SubmitJobRequest.encode(request, writer).finish();
  } catch (error) {
    writer.finish();
    throw error;
  }
}

function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  const keys = Object.keys(map);
  if (keys.length < 2) return map;
  return Object.fromEntries(keys.sort().map((key) => [key, map[key] as T]));
}
