import type {
  ListWorkersRequest,
  ListWorkersResponse,
} from "@capstan/proto/capstan/v1/operator_service.js";
import { Worker } from "@capstan/proto/capstan/v1/operator_service.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeWorker } from "../codec/encode-worker.js";
import { encodeCursor, tokenOf } from "../codec/page-token.js";
import { fitPage } from "../codec/page.js";
import { decodeListWorkers } from "../codec/reads.js";
import type { HandlerDeps } from "./deps.js";

/** Lists workers by their id. */
export function listWorkers({ engine, log }: HandlerDeps) {
  return unary<ListWorkersRequest, ListWorkersResponse>(log, async (request) => {
    const { filter, from, limit, hash } = decodeListWorkers(request);
    const found = await engine.read((state, { now }) =>
      queries.listWorkers(state, filter, from, limit, now),
    );
    const workers = fitPage(found.workers, (view) => encodeWorker(view, engine.epoch), Worker);
    const isLast = found.isLast && workers.length === found.workers.length;
    const last = workers[workers.length - 1]?.workerId ?? "";
    return { workers, nextPageToken: isLast ? "" : tokenOf(encodeCursor(hash, last)) };
  });
}
