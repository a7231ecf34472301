import { hash } from "node:crypto";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { SubmitJobRequest as SubmitJobMessage } from "@capstan/proto/capstan/v1/master_service.js";
import { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";

/**
 * SHA-256 of what a submit asks for, in hexadecimal: the decoded request in one canonical encoding,
 * maps by their keys, without its trace context and its key. A field that a later version adds
 * changes no fingerprint of a request without it.
 */
export function fingerprintOf(request: SubmitJobMessage, namespace: string): string {
  const { job } = request;
  const canonical: SubmitJobMessage = {
    ...request,
    namespace,
    idempotencyKey: "",
    traceContext: undefined,
    job: job && { ...job, labels: sorted(job.labels), typePolicies: sorted(job.typePolicies) },
  };
  return hash("sha256", encode(canonical), "hex");
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
