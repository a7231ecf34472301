import type { SubmitJob, TraceContext } from "../../core/index.js";
import type { Engine } from "../../engine/engine-port.js";
import type { History } from "../../history/history.js";
import type { Log } from "../log.js";

/** What every handler stands on. */
export interface HandlerDeps {
  readonly engine: Engine;
  readonly log: Log;
  /** Answers for jobs that left the core. Absent: no job ever does. */
  readonly history?: History | undefined;
  /** Gives a job a trace that came without one; absent when traces are not exported. */
  readonly traceOfSubmit?: TraceOfSubmit | undefined;
}

/** From a job's name and the trace that its submit came with to the trace that is kept. */
export type TraceOfSubmit = (jobName: string, given: TraceContext) => TraceContext;

/** The command with the trace that it is to keep. */
export function traced(command: SubmitJob, traceOfSubmit: TraceOfSubmit | undefined): SubmitJob {
  if (traceOfSubmit === undefined) return command;
  const { spec } = command;
  return { ...command, spec: { ...spec, trace: traceOfSubmit(spec.name, spec.trace) } };
}
