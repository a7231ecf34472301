import { methods } from "../../network/methods.js";
import type { Client } from "../client.js";

export async function cancel(client: Client): Promise<void> {
  const job = client.someJob();
  if (job === undefined) return;
  const { namespace } = job.sketch;
  await client.insist(methods.cancelJob, { namespace, jobId: job.id, note: "no longer wanted" });
}
