import { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import {
  AppendTasksRequest,
  SealJobRequest,
  SubmitJobRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import { methods } from "../../network/methods.js";
import type { Client } from "../client.js";

/** A job in parts, with parts that come twice, parts that are missing, and uploads that are given up. */
export async function upload(client: Client): Promise<void> {
  const { random } = client;
  const { name, namespace, key, spec } = client.sketch();
  if (key === "") return;
  const shell = JobSpec.fromPartial({
    ...spec,
    stages: spec.stages.map((stage) => ({ ...stage, tasks: [] })),
  });
  const submitted = await client.insist(
    methods.submitJob,
    SubmitJobRequest.fromPartial({
      namespace,
      idempotencyKey: key,
      job: shell,
      moreToUpload: true,
    }),
  );
  if (!submitted.ok) return;
  const { jobId } = submitted.answer;
  client.learn(jobId, { name, namespace, key, spec, payloads: new Map() });
  for (const { name: stage, tasks } of spec.stages) {
    for (let at = 0; at < tasks.length;) {
      const size = random.integer(1, 8);
      const isGap = random.chance(0.15);
      const firstIndex = isGap ? at + random.integer(1, 3) : at;
      const part = tasks.slice(firstIndex, firstIndex + size);
      if (part.length === 0) continue;
      const request = AppendTasksRequest.fromPartial({
        namespace,
        jobId,
        stage,
        firstIndex,
        tasks: part,
      });
      // One that does not wait for the answer: the part behind the next goes at the same time.
      const behind = firstIndex + part.length + 1;
      if (random.chance(0.2) && behind < tasks.length) {
        const hasty = { ...request, firstIndex: behind, tasks: tasks.slice(behind, behind + 1) };
        void client.call(methods.appendTasks, hasty);
      }
      const answer = await client.insist(methods.appendTasks, request);
      if (answer.ok) {
        at = answer.answer.nextIndex;
        // A part that comes twice.
        if (random.chance(0.1)) at = firstIndex;
      } else if (answer.refusal.reason === "UPLOAD_GAP") {
        at = Number(answer.refusal.facts["next_index"]);
      } else {
        return;
      }
      if (random.chance(0.05)) return;
      if (random.chance(0.1)) await client.pause(random.integer(100, 8_000));
    }
  }
  const counts = spec.stages.map(({ name: stage, tasks }) => ({ stage, count: tasks.length }));
  await client.insist(methods.sealJob, SealJobRequest.fromPartial({ namespace, jobId, counts }));
}
