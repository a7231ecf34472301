import {
  JobSpec as WireJobSpec,
  TaskKind as WireTaskKind,
} from "@capstan/proto/capstan/journal/v1/spec.js";
import type { JobSpec, TaskKind } from "../../core/index.js";
import { packJobSpec, packTaskKind, readJobSpec, readTaskKind } from "./spec-codec.js";

/** Specs by themselves, as they lie in events: for whoever keeps them beside the journal. */

export function encodeJobSpec(spec: JobSpec): Uint8Array {
  return WireJobSpec.encode(packJobSpec(spec)).finish();
}

/** @throws JournalError if it is of a newer format, or no spec */
export function decodeJobSpec(bytes: Uint8Array): JobSpec {
  return readJobSpec(WireJobSpec.decode(bytes));
}

export function encodeTaskKind(kind: TaskKind): Uint8Array {
  return WireTaskKind.encode(packTaskKind(kind)).finish();
}

/** @throws JournalError if it is of a newer format, or no kind */
export function decodeTaskKind(bytes: Uint8Array): TaskKind {
  return readTaskKind(WireTaskKind.decode(bytes));
}
