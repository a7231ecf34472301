import { connectionFields } from "../connection.js";
import { fieldsOf } from "../known-fields.js";
import type { DrainOptions, WorkerOptions } from "./options.js";

/** The options of a worker: others are refused. */
export const known = {
  worker: fieldsOf<WorkerOptions>({
    ...connectionFields,
    namespaces: null,
    workerId: null,
    host: null,
    rack: null,
    resources: null,
    slots: null,
    labels: null,
    prefetchTasks: null,
    maxTasks: null,
    maxBytes: null,
    drainTimeoutMs: null,
    abortGraceMs: null,
    installSignalHandlers: null,
    onDrain: null,
    codec: null,
    heartbeatThread: null,
    reconnect: fieldsOf<NonNullable<WorkerOptions["reconnect"]>>({ baseMs: null, capMs: null }),
  }),
  drain: fieldsOf<DrainOptions>({ timeoutMs: null, note: null }),
} as const;
