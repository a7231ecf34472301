import { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import { SubmitJobRequest, SubmitJobsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { methods } from "../../network/methods.js";
import type { Client } from "../client.js";
import type { JobSketch } from "../job-sketch.js";

function requestOf({ namespace, key, spec }: JobSketch): SubmitJobRequest {
  return SubmitJobRequest.fromPartial({ namespace, idempotencyKey: key, job: spec });
}

/** A job of its own; without a key it is asked for once, whatever the answer. */
export async function submitOne(client: Client): Promise<void> {
  const sketch = client.ask(client.sketch());
  const request = requestOf(sketch);
  const answer = await (sketch.key === ""
    ? client.call(methods.submitJob, request)
    : client.insist(methods.submitJob, request));
  if (answer.ok) client.learn(answer.answer.jobId, sketch);
}

/** Many small jobs in one message; some of them were asked for before. */
export async function submitMany(client: Client): Promise<void> {
  const { random } = client;
  const namespace = random.pick(["default", "other"]);
  const sketches = Array.from({ length: random.integer(2, 12) }, () =>
    client.ask(client.sketch(true, { namespace })),
  );
  const before = client.asked.filter((asked) => asked.namespace === namespace);
  if (before.length > 0 && random.chance(0.3)) sketches.push(random.pick(before));
  const request = SubmitJobsRequest.fromPartial({
    namespace,
    items: sketches.map(({ key, spec }) => ({ idempotencyKey: key, job: spec })),
  });
  const answer = await client.insist(methods.submitJobs, request);
  if (!answer.ok) return;
  for (const [i, { result }] of answer.answer.results.entries()) {
    if (result?.$case === "job") client.learn(result.value.jobId, sketches[i] as JobSketch);
  }
}

/** The same again: it is the same job. */
export async function submitAgain(client: Client): Promise<void> {
  if (client.asked.length === 0) return;
  const sketch = client.random.pick(client.asked);
  const answer = await client.insist(methods.submitJob, requestOf(sketch));
  if (answer.ok) client.learn(answer.answer.jobId, sketch);
}

/** Other content under a key that was used, twice at the same time: one of them may even make the job. */
export async function submitOther(client: Client): Promise<void> {
  const { random } = client;
  const isNew = client.asked.length === 0 || random.chance(0.5);
  const sketch = isNew ? client.sketch() : random.pick(client.asked);
  if (sketch.key === "") return;
  const name = `${sketch.name}-other`;
  const other = { ...sketch, name, spec: JobSpec.fromPartial({ ...sketch.spec, name }) };
  client.intend(other);
  const both = [sketch, other].map(async (one) => {
    const answer = await client.call(methods.submitJob, requestOf(one));
    if (answer.ok) client.learn(answer.answer.jobId, one);
  });
  await Promise.all(both);
}
