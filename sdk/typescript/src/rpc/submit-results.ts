import {
  SubmitJobResult,
  type SubmitJobResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { BinaryReader } from "@bufbuild/protobuf/wire";

// SubmitJobsResponse.results = 1, SubmitJobResult.job = 1, SubmitJobResponse.job_id = 1, its state = 2.
const resultsTag = (1 << 3) | 2;
const jobTag = (1 << 3) | 2;
const jobIdTag = (1 << 3) | 2;
const stateTag = 2 << 3;

/** Nobody writes into them: jobs that were new and whole have neither. */
const noIndexes: SubmitJobResponse["nextIndexes"] = [];
const noWarnings: SubmitJobResponse["warnings"] = [];

/**
 * The outcomes of a bulk submit, read by hand where a job is new, whole and without a warning: its id and
 * its state, and nothing else.
 * @throws Error when the bytes are no such answer
 */
export function readSubmitResults(bytes: Buffer): SubmitJobResult[] {
  const reader = new BinaryReader(bytes);
  const results: SubmitJobResult[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag !== resultsTag) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.uint32();
    const start = reader.pos;
    results.push(plainResult(bytes, start, start + length) ?? decode(bytes, start, length));
    reader.pos = start + length;
  }
  return results;
}

function decode(bytes: Buffer, start: number, length: number): SubmitJobResult {
  if (start + length > bytes.length) throw new RangeError("a result ends beyond its answer");
  return SubmitJobResult.decode(bytes.subarray(start, start + length));
}

/** Every length and the state are one byte, or it is not the common case. */
function plainResult(bytes: Buffer, start: number, stop: number): SubmitJobResult | undefined {
  if (bytes[start] !== jobTag || bytes[start + 1] !== stop - start - 2) return undefined;
  const idLength = bytes[start + 3] ?? 0;
  const stateAt = start + 4 + idLength;
  const state = bytes[stateAt + 1] ?? 0x80;
  const isPlain =
    bytes[start + 2] === jobIdTag &&
    idLength < 0x80 &&
    bytes[stateAt] === stateTag &&
    state < 0x80 &&
    stateAt + 2 === stop;
  if (!isPlain) return undefined;
  const jobId = bytes.toString("utf8", start + 4, stateAt);
  const value = { jobId, state, existing: false, nextIndexes: noIndexes, warnings: noWarnings };
  return { result: { $case: "job", value } };
}
