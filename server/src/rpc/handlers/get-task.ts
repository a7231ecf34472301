import type { GetTaskRequest, GetTaskResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { Delivery } from "@capstan/proto/capstan/v1/task.js";
import type { TaskView } from "../../core/index.js";
import { queries } from "../../core/index.js";
import type { Engine } from "../../engine/engine-port.js";
import { unary } from "../call.js";
import { encodeContent, encodeDelivery, encodeTask } from "../codec/encode-task.js";
import { decodeGetTask } from "../codec/reads.js";
import { taskNotFound } from "../errors.js";
import { limits } from "../limits.js";
import type { HandlerDeps } from "./deps.js";

const noBytes = new Uint8Array(0);

/** Reads a task with its deliveries. */
export function getTask({ engine, log }: HandlerDeps) {
  return unary<GetTaskRequest, GetTaskResponse>(log, async (request) => {
    const { namespace, jobId, stage, index } = decodeGetTask(request);
    const view = await engine.read((state, { now }) =>
      queries.getTask(state, namespace, jobId, stage, index, now),
    );
    if (view === undefined) throw taskNotFound(request.taskId);
    const failure = await bytesOf(engine, view.lastFailure?.facts.body ?? 0);
    const deliveries = await deliveriesOf(engine, view);
    return {
      task: encodeTask(view, failure),
      deliveries,
      deliveriesLeftOut: view.deliveriesDropped + view.deliveries.length - deliveries.length,
      content: request.includeContent ? await contentOf(engine, view) : undefined,
    };
  });
}

async function contentOf(engine: Engine, view: TaskView): Promise<GetTaskResponse["content"]> {
  const [body, checkpoint] = await Promise.all([
    bytesOf(engine, view.body),
    bytesOf(engine, view.checkpoint),
  ]);
  return encodeContent(view, body, checkpoint);
}

/**
 * The oldest first. The last and the first are always there; what does not fit is left out between
 * them, the older ones first.
 */
async function deliveriesOf(engine: Engine, view: TaskView): Promise<Delivery[]> {
  const all = await Promise.all(
    view.deliveries.map(async (delivery) =>
      encodeDelivery(delivery, view, await bytesOf(engine, delivery.failure?.body ?? 0)),
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

/** @param blob 0: none */
async function bytesOf(engine: Engine, blob: number): Promise<Uint8Array> {
  return blob === 0 ? noBytes : engine.payload(blob);
}
