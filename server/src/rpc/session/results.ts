import type { CommandOf, LeaseToken, OutputDraft, WorkerNo } from "../../core/index.js";
import type { Submission } from "../../engine/engine-port.js";
import { Blobs } from "../../engine/engine-port.js";
import type { FieldViolation } from "../errors.js";
import { limits } from "../limits.js";
import type { IncomingOutput, IncomingResult } from "./incoming.js";
import type { ReportRefusal } from "./refusals.js";
import { tooLarge } from "./refusals.js";
import { sessionLimits } from "./session-limits.js";

const noOutputs: readonly OutputDraft[] = [];

/** A result as a submission: one blob for each output, in the order of partitions. */
export function completion(
  worker: WorkerNo,
  token: LeaseToken,
  result: IncomingResult,
): Submission & { readonly command: CommandOf<"complete_lease"> } {
  const recordCount = result.recordCount ?? 0;
  const kind = "complete_lease";
  if (result.outputs.length === 0) {
    return { command: { kind, worker, token, outputs: noOutputs, recordCount }, blobs: Blobs.none };
  }
  const sorted = inOrder(result.outputs);
  return {
    command: { kind, worker, token, outputs: sorted.map(draftOf), recordCount },
    blobs: Blobs.of(sorted.map(({ encoded }) => encoded)),
  };
}

/** What is wrong with a result in itself; undefined: nothing that can be told without the core. */
export function checkResult(result: IncomingResult): ReportRefusal | undefined {
  const { outputs, outputsBytes, recordCount } = result;
  if (result.failedRecords > 0) {
    // Better refused than taken for done: records are not kept apart yet.
    return {
      reason: "NOT_IMPLEMENTED",
      facts: { method: "Completed.failed_records" },
      violations: [{ field: "failed_records", description: "this master cannot keep them yet" }],
    };
  }
  if (recordCount !== undefined && recordCount > sessionLimits.recordCount) {
    return {
      reason: "RECORDS_INVALID",
      facts: { record_count: String(recordCount) },
      violations: [{ field: "record_count", description: `at most ${sessionLimits.recordCount}` }],
    };
  }
  if (outputs.length === 0) return undefined;
  if (outputsBytes > sessionLimits.outputsBytes) {
    return tooLarge("outputs", sessionLimits.outputsBytes, outputsBytes);
  }
  return checkPartitions(outputs) ?? checkRefs(outputs);
}

function checkPartitions(outputs: readonly IncomingOutput[]): ReportRefusal | undefined {
  const seen = new Set<number>();
  for (const [i, { partition }] of outputs.entries()) {
    const description =
      partition >= sessionLimits.partitions
        ? `partition ${partition} is no partition of any stage`
        : seen.has(partition)
          ? `partition ${partition} is listed twice`
          : undefined;
    if (description !== undefined) {
      return {
        reason: "PARTITION_INVALID",
        facts: { partition: String(partition) },
        violations: [{ field: `outputs[${i}].partition`, description }],
      };
    }
    seen.add(partition);
  }
  return undefined;
}

function checkRefs(outputs: readonly IncomingOutput[]): ReportRefusal | undefined {
  const violations: FieldViolation[] = [];
  for (const [i, { ref }] of outputs.entries()) {
    if (ref === undefined) continue;
    const path = `outputs[${i}].ref`;
    const uriBytes = Buffer.byteLength(ref.uri);
    if (uriBytes === 0 || uriBytes > limits.uriBytes) {
      violations.push({ field: `${path}.uri`, description: `1 to ${limits.uriBytes} bytes` });
    }
    if (ref.sizeBytes > BigInt(Number.MAX_SAFE_INTEGER)) {
      violations.push({ field: `${path}.size_bytes`, description: "at most 2^53 - 1" });
    }
    if (ref.hosts.length > limits.inputHosts) {
      violations.push({ field: `${path}.hosts`, description: `at most ${limits.inputHosts}` });
    }
    const bad = ref.hosts.findIndex(
      (host) => host === "" || Buffer.byteLength(host) > limits.hostBytes,
    );
    if (bad !== -1) {
      const description = `1 to ${limits.hostBytes} bytes`;
      violations.push({ field: `${path}.hosts[${bad}]`, description });
    }
  }
  return violations.length === 0 ? undefined : { reason: "INVALID_FIELD", violations };
}

/** By partition, without those that say nothing: they are empty as if they were not listed. */
function inOrder(outputs: readonly IncomingOutput[]): readonly IncomingOutput[] {
  const listed = outputs.filter(({ encoded }) => encoded.length > 0);
  return listed.sort((a, b) => a.partition - b.partition);
}

function draftOf({ partition, encoded, inlineBytes, ref }: IncomingOutput): OutputDraft {
  return {
    partition,
    bodyBytes: encoded.length,
    dataBytes: ref === undefined ? inlineBytes : Number(ref.sizeBytes),
    hosts: ref?.hosts ?? noHosts,
  };
}

const noHosts: readonly string[] = [];
