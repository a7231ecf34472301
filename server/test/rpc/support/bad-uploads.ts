import {
  AppendTasksRequest,
  CancelJobRequest,
  SealJobRequest,
  SubmitJobsRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { BadInput, PartialOf, World } from "./bad-input-words.js";
import { invalid, tooLarge, notYet, noJob, tooEarly, long } from "./bad-input-words.js";
import { call } from "./calls.js";

function append(request: (world: World) => PartialOf<typeof AppendTasksRequest>): BadInput["send"] {
  return ({ master }, world) =>
    call(master, master.appendTasks, AppendTasksRequest.fromPartial(request(world)));
}

export const appendCases: readonly BadInput[] = [
  {
    what: "AppendTasks of nothing to nowhere",
    send: append(() => ({ namespace: "A", stage: "B", jobId: "job_1" })),
    ...invalid,
    fields: ["namespace", "job_id", "stage", "tasks"],
  },
  {
    what: "AppendTasks to an unknown job",
    send: append(({ unknown }) => ({ jobId: unknown, tasks: [{}] })),
    ...noJob,
  },
  {
    what: "AppendTasks to a job of another namespace",
    send: append(({ uploading }) => ({
      namespace: "other",
      jobId: uploading,
      firstIndex: 2,
      tasks: [{}],
    })),
    ...noJob,
  },
  {
    what: "AppendTasks to an unknown stage",
    send: append(({ uploading }) => ({ jobId: uploading, stage: "gone", tasks: [{}] })),
    code: "NOT_FOUND",
    reason: "STAGE_NOT_FOUND",
    facts: { stage: "gone" },
  },
  {
    what: "AppendTasks beyond the next index",
    send: append(({ uploading }) => ({ jobId: uploading, firstIndex: 3, tasks: [{}] })),
    ...tooEarly,
    reason: "UPLOAD_GAP",
    facts: { next_index: "2" },
  },
  {
    what: "AppendTasks over the next index",
    send: append(({ uploading }) => ({ jobId: uploading, firstIndex: 1, tasks: [{}, {}] })),
    ...tooEarly,
    reason: "UPLOAD_GAP",
    facts: { next_index: "2" },
  },
  {
    what: "AppendTasks to a complete job",
    send: append(({ running }) => ({ jobId: running, firstIndex: 2, tasks: [{}] })),
    ...tooEarly,
    reason: "UPLOAD_SEALED",
  },
  {
    what: "AppendTasks to a cancelled job",
    send: append(({ cancelled }) => ({ jobId: cancelled, firstIndex: 0, tasks: [{}] })),
    ...tooEarly,
    reason: "JOB_NOT_UPLOADING",
  },
  {
    what: "AppendTasks with a bad task",
    send: append(({ uploading }) => ({
      jobId: uploading,
      firstIndex: 2,
      tasks: [{}, { inputs: [{ uri: "" }], delayMs: 2_592_000_001 }],
    })),
    ...invalid,
    fields: ["tasks[1].inputs[0].uri", "tasks[1].delay_ms"],
  },
  {
    what: "AppendTasks with a priority",
    send: append(({ uploading }) => ({
      jobId: uploading,
      firstIndex: 2,
      tasks: [{ priority: 1 }],
    })),
    ...notYet,
    fields: ["tasks[0].priority"],
  },
  {
    what: "AppendTasks of 4,097 tasks",
    send: append(({ uploading }) => ({
      jobId: uploading,
      firstIndex: 2,
      tasks: Array.from({ length: 4_097 }, () => ({})),
    })),
    ...tooLarge,
    facts: { field: "tasks", limit: "4096", actual: "4097" },
  },
  {
    what: "AppendTasks beyond ten million tasks",
    send: append(({ uploading }) => ({ jobId: uploading, firstIndex: 10_000_000, tasks: [{}] })),
    ...tooLarge,
    facts: { field: "first_index" },
  },
];

function seal(request: (world: World) => PartialOf<typeof SealJobRequest>): BadInput["send"] {
  return ({ master }, world) =>
    call(master, master.sealJob, SealJobRequest.fromPartial(request(world)));
}

export const sealCases: readonly BadInput[] = [
  {
    what: "SealJob of no job",
    send: seal(() => ({ namespace: "A" })),
    ...invalid,
    fields: ["namespace", "job_id"],
  },
  {
    what: "SealJob of an unknown job",
    send: seal(({ unknown }) => ({ jobId: unknown })),
    ...noJob,
  },
  {
    what: "SealJob with bad counts",
    send: seal(({ uploading }) => ({
      jobId: uploading,
      counts: [{ stage: "A" }, { stage: "main", count: 10_000_001 }, { count: 1 }],
    })),
    ...invalid,
    fields: ["counts[0].stage", "counts[1].count", "counts[2].stage"],
  },
  {
    what: "SealJob with 65 counts",
    send: seal(({ uploading }) => ({
      jobId: uploading,
      counts: Array.from({ length: 65 }, (_, i) => ({ stage: `s${i}` })),
    })),
    ...invalid,
    fields: ["counts"],
  },
  {
    what: "SealJob with another count",
    send: seal(({ uploading }) => ({ jobId: uploading, counts: [{ stage: "main", count: 3 }] })),
    ...tooEarly,
    reason: "UPLOAD_COUNT_MISMATCH",
    facts: { stage: "main", next_index: "2" },
  },
  {
    what: "SealJob without the count of a stage that has tasks",
    send: seal(({ uploading }) => ({ jobId: uploading })),
    ...tooEarly,
    reason: "UPLOAD_COUNT_MISMATCH",
    facts: { stage: "main" },
  },
];

export const cancelCases: readonly BadInput[] = [
  {
    what: "CancelJob of no job, at length",
    send: ({ master }) =>
      call(master, master.cancelJob, CancelJobRequest.fromPartial({ note: long(1_025) })),
    ...invalid,
    fields: ["job_id", "note"],
  },
  {
    what: "CancelJob of an unknown job",
    send: ({ master }, { unknown }) =>
      call(master, master.cancelJob, CancelJobRequest.fromPartial({ jobId: unknown })),
    ...noJob,
  },
  {
    what: "CancelJob from another namespace",
    send: ({ master }, { running }) =>
      call(
        master,
        master.cancelJob,
        CancelJobRequest.fromPartial({ namespace: "other", jobId: running }),
      ),
    ...noJob,
  },
];

export const bulkCases: readonly BadInput[] = [
  {
    what: "SubmitJobs of nothing",
    send: ({ master }) =>
      call(master, master.submitJobs, SubmitJobsRequest.fromPartial({ namespace: "A" })),
    ...invalid,
    fields: ["namespace", "items"],
  },
  {
    what: "SubmitJobs of 4,097 jobs",
    send: ({ master }) => {
      const items = Array.from({ length: 4_097 }, () => ({}));
      return call(master, master.submitJobs, SubmitJobsRequest.fromPartial({ items }));
    },
    ...tooLarge,
    facts: { field: "items" },
  },
];
