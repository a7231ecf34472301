import { connectionFields } from "../connection.js";
import { fieldsOf } from "../known-fields.js";
import type {
  CancelOptions,
  ClientOptions,
  GetTaskOptions,
  KeyedJob,
  ListJobsOptions,
  ListTasksOptions,
  ListWorkersOptions,
  OutputsOptions,
  RunOptions,
  SubmitManyOptions,
  SubmitOptions,
  WaitOptions,
  WatchOptions,
} from "./options.js";

const submit = { idempotencyKey: null, signal: null };
const page = { pageSize: null, pageToken: null };

/** The options of each call of a client: others are refused. */
export const known = {
  client: fieldsOf<ClientOptions>({
    ...connectionFields,
    namespace: null,
    callTimeoutMs: null,
    retryForMs: null,
    codec: null,
  }),
  submit: fieldsOf<SubmitOptions>(submit),
  submitMany: fieldsOf<SubmitManyOptions>({ signal: null }),
  keyedJob: fieldsOf<KeyedJob>({ job: null, idempotencyKey: null }),
  run: fieldsOf<RunOptions>({ ...submit, onProgress: null }),
  wait: fieldsOf<WaitOptions>({ signal: null, onProgress: null }),
  watch: fieldsOf<WatchOptions>({ signal: null, minIntervalMs: null }),
  outputs: fieldsOf<OutputsOptions>({
    stage: null,
    partition: null,
    taskIndex: null,
    signal: null,
  }),
  listJobs: fieldsOf<ListJobsOptions>({ ...page, states: null, name: null, labels: null }),
  listTasks: fieldsOf<ListTasksOptions>({ ...page, stage: null, states: null }),
  listWorkers: fieldsOf<ListWorkersOptions>({ ...page, allNamespaces: null }),
  getTask: fieldsOf<GetTaskOptions>({ includeContent: null }),
  cancel: fieldsOf<CancelOptions>({ note: null }),
} as const;
