import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  ReportFailureRequest,
  ReportFailureResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { Clock } from "../../engine/clock.js";
import { unary } from "../call.js";
import type { CapstanServices } from "../definitions.js";
import { withRefusals } from "../not-implemented.js";
import { heartbeat, pullTasks, reportFailure, type Sessions } from "../session/index.js";
import { appendTasks } from "./append-tasks.js";
import { cancelJob } from "./cancel-job.js";
import type { HandlerDeps } from "./deps.js";
import { getJob } from "./get-job.js";
import { type AboutMaster, getMaster } from "./get-master.js";
import { getTask } from "./get-task.js";
import { JobWatch } from "./job-watch.js";
import { listJobs } from "./list-jobs.js";
import { listTasks } from "./list-tasks.js";
import { listWorkers } from "./list-workers.js";
import { readOutputs } from "./read-outputs.js";
import { sealJob } from "./seal-job.js";
import { submitJob } from "./submit-job.js";
import { submitJobs } from "./submit-jobs.js";
import { watchJob } from "./watch-job.js";

export interface CapstanDeps extends HandlerDeps {
  readonly clock: Clock;
  readonly sessions: Sessions;
  /** Aborted when the master stops. */
  readonly stopping: AbortSignal;
  readonly about: AboutMaster;
  readonly place: { readonly address: string; readonly isStopping: boolean };
}

/** What answers each method of the services of capstan.v1, whatever carries the calls. */
export function capstanHandlers(
  services: CapstanServices,
  deps: CapstanDeps,
): Record<keyof CapstanServices, UntypedServiceImplementation> {
  const { engine, log, history, clock, sessions, stopping, about, place } = deps;
  const renew = heartbeat({ engine });
  const report = reportFailure({ engine, clock });
  const watch = new JobWatch(engine, clock, stopping);
  const master: UntypedServiceImplementation = {
    submitJob: submitJob(deps),
    submitJobs: submitJobs(deps),
    appendTasks: appendTasks(deps),
    sealJob: sealJob(deps),
    cancelJob: cancelJob(deps),
    pullTasks: pullTasks({ sessions, log }),
    heartbeat: unary<HeartbeatRequest, HeartbeatResponse>(log, renew),
    reportFailure: unary<ReportFailureRequest, ReportFailureResponse>(log, report),
    getJob: getJob(deps),
    listJobs: listJobs(deps),
    listTasks: listTasks(deps),
    getTask: getTask(deps),
    readOutputs: readOutputs(deps),
    watchJob: watchJob({ engine, log, history, clock, watch, stopping }),
  };
  const operator: UntypedServiceImplementation = {
    listWorkers: listWorkers(deps),
    getMaster: getMaster({ engine, log, clock }, about, place),
  };
  const own: Record<keyof CapstanServices, UntypedServiceImplementation> = {
    "capstan.v1.MasterService": master,
    "capstan.v1.FailureService": {},
    "capstan.v1.OperatorService": operator,
  };
  const all = Object.entries(services).map(([name, service]) => [
    name,
    withRefusals(service, own[name as keyof CapstanServices], log),
  ]);
  return Object.fromEntries(all) as typeof own;
}
