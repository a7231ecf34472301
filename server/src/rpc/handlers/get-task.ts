import type { GetTaskRequest, GetTaskResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { Delivery } from "@capstan/proto/capstan/v1/task.js";
import type { TaskView } from "../../core/index.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeContent, encodeDelivery, encodeTask } from "../codec/encode-task.js";
import { decodeGetTask } from "../codec/reads.js";
import { taskNotFound } from "../errors.js";
import { limits } from "../limits.js";
import { payloadOf, type PayloadSources } from "../payloads.js";
import type { HandlerDeps } from "./deps.js";

/** Reads a task with its deliveries. */
export function getTask({ engine, log, history }: HandlerDeps) {
  return unary<GetTaskRequest, GetTaskResponse>(log, async (request) => {
    const { namespace, jobId, stage, index } = decodeGetTask(request);
    const live = await engine.read((state, { now }) =>
      queries.getTask(state, namespace, jobId, stage, index, now),
    );
    const view = live ?? (await history?.task(namespace, jobId, stage, index));
    if (view === undefined) throw taskNotFound(request.taskId);
    const sources = { engine, history };
    const failure = await payloadOf(sources, view.lastFailure?.facts.body ?? 0);
    const deliveries = await deliveriesOf(sources, view);
    return {
      task: encodeTask(view, failure),
      deliveries,
      deliveriesLeftOut: view.deliveriesDropped + view.deliveries.length - deliveries.length,
      content: request.includeContent ? await contentOf(sources, view) : undefined,
    };
  });
}

async function contentOf(
  sources: PayloadSources,
  view: TaskView,
): Promise<GetTaskResponse["content"]> {
  const [body, checkpoint] = await Promise.all([
    payloadOf(sources, view.body),
    payloadOf(sources, view.checkpoint),
  ]);
  return encodeContent(view, body, checkpoint);
}

/**
 * The oldest first. The last and the first are always there; what does not fit is left out between
 * them, the older ones first.
 */
async function deliveriesOf(sources: PayloadSources, view: TaskView): Promise<Delivery[]> {
  const all = await Promise.all(
    view.deliveries.map(async (delivery) =>
      encodeDelivery(delivery, view, await payloadOf(sources, delivery.failure?.body ?? 0)),
    ),
  );
  const [first, ...rest] = all;
  if (first === undefined) return [];
  const kept: Delivery[] = [];
  let bytes = sizeOf(first);
  for (const delivery of rest.reverse()) {
    bytes += sizeOf(delivery);
    if (kept.length > 0 && (bytes > limits.pageBytes || kept.length + 1 >= limits.deliveries))
      break;
    kept.push(delivery);
  }
  return [first, ...kept.reverse()];
}

function sizeOf(delivery: Delivery): number {
  return Delivery.encode(delivery).finish().length + 8;
}
