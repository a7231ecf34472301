import type {
  ListTasksRequest,
  ListTasksResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { Task } from "@capstan/proto/capstan/v1/task.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeTask } from "../codec/encode-task.js";
import { encodeCursor, tokenOf } from "../codec/page-token.js";
import { fitPage } from "../codec/page.js";
import { decodeListTasks } from "../codec/reads.js";
import { jobNotFound, stageNotFound } from "../errors.js";
import type { HandlerDeps } from "./deps.js";

/** Lists the tasks of a job, by stage and index. */
export function listTasks({ engine, log, history }: HandlerDeps) {
  return unary<ListTasksRequest, ListTasksResponse>(log, async (request) => {
    const { namespace, jobId, filter, from, limit, hash } = decodeListTasks(request);
    let found = await engine.read((state, { now }) =>
      queries.listTasks(state, namespace, jobId, filter, from, limit, now),
    );
    if (found.kind === "job_not_found" && history !== undefined) {
      found = await history.tasks(namespace, jobId, filter, from, limit);
    }
    if (found.kind === "job_not_found") throw jobNotFound(jobId);
    if (found.kind === "stage_not_found") throw stageNotFound(jobId, filter.stage);
    const tasks = fitPage(found.tasks, (view) => encodeTask(view), Task);
    const first = found.tasks[tasks.length];
    const goesOn =
      first === undefined ? found.next : { stage: first.stagePosition, index: first.index };
    if (goesOn === undefined) return { tasks, nextPageToken: "" };
    return { tasks, nextPageToken: tokenOf(encodeCursor(hash, [goesOn.stage, goesOn.index])) };
  });
}
