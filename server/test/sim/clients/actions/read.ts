import {
  GetJobRequest,
  GetTaskRequest,
  ListJobsRequest,
  ListTasksRequest,
  ReadOutputsRequest,
  WatchJobRequest,
  WatchMode,
} from "@capstan/proto/capstan/v1/master_service.js";
import { methods } from "../../network/methods.js";
import type { Client } from "../client.js";

/** Questions: what is answered is checked by the auditor as it leaves. */

export async function getJob(client: Client): Promise<void> {
  const job = client.someJob();
  if (job === undefined) return;
  const { namespace } = job.sketch;
  await client.call(methods.getJob, GetJobRequest.fromPartial({ namespace, jobId: job.id }));
}

export async function getTask(client: Client): Promise<void> {
  const job = client.someJob();
  if (job === undefined) return;
  const { namespace } = job.sketch;
  const taskId = `${job.id}/first/0`;
  const request = GetTaskRequest.fromPartial({ namespace, taskId, includeContent: true });
  await client.call(methods.getTask, request);
}

export async function list(client: Client): Promise<void> {
  const { random } = client;
  const job = client.someJob();
  if (job === undefined || random.chance(0.5)) {
    const namespace = random.pick(["default", "other"]);
    const request = ListJobsRequest.fromPartial({ namespace, page: { pageSize: 20 } });
    await client.call(methods.listJobs, request);
    return;
  }
  const { namespace } = job.sketch;
  const request = ListTasksRequest.fromPartial({
    namespace,
    jobId: job.id,
    page: { pageSize: 20 },
  });
  await client.call(methods.listTasks, request);
}

/** Reads outputs to their end, now and then slowly. */
export function readOutputs(client: Client): Promise<void> {
  const job = client.someJob();
  if (job === undefined) return Promise.resolve();
  const isSlow = client.random.chance(0.2);
  const request = ReadOutputsRequest.fromPartial({
    namespace: job.sketch.namespace,
    jobId: job.id,
    stage: "first",
  });
  return new Promise((resolve) => {
    client.network.read(client, methods.readOutputs, request, {
      message: () => undefined,
      end: () => {
        resolve();
      },
      paceMs: () => (isSlow ? 20_000 : 0),
    });
  });
}

/** Watches a job to its end, or goes away before. */
export function watch(client: Client): Promise<void> {
  const job = client.someJob();
  if (job === undefined) return Promise.resolve();
  const { random } = client;
  const isSlow = random.chance(0.1);
  const request = WatchJobRequest.fromPartial({
    namespace: job.sketch.namespace,
    jobId: job.id,
    mode: WatchMode.WATCH_MODE_PROGRESS,
    minIntervalMs: random.pick([50, 1_000, 5_000]),
  });
  return new Promise((resolve) => {
    const stream = client.network.read(client, methods.watchJob, request, {
      message: () => undefined,
      end: () => {
        resolve();
      },
      paceMs: () => (isSlow ? 30_000 : 0),
    });
    if (random.chance(0.2)) {
      client.clock.setTimer(random.integer(10, 60_000), () => {
        stream.cancel();
      });
    }
  });
}
