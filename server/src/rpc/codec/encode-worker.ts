import type { Worker } from "@capstan/proto/capstan/v1/operator_service.js";
import { WorkerAdmission, WorkerConnection } from "@capstan/proto/capstan/v1/operator_service.js";
import type { Resource as ResourceMessage } from "@capstan/proto/capstan/v1/common.js";
import type { Resource, WorkerView } from "../../core/index.js";

const connections = {
  connected: WorkerConnection.WORKER_CONNECTION_CONNECTED,
  disconnected: WorkerConnection.WORKER_CONNECTION_DISCONNECTED,
  lost: WorkerConnection.WORKER_CONNECTION_LOST,
  left: WorkerConnection.WORKER_CONNECTION_LEFT,
} as const satisfies Record<WorkerView["connection"], WorkerConnection>;

/** @param epoch of the master: a session is named by it and its number, as in `Registered` */
export function encodeWorker(view: WorkerView, epoch: number): Worker {
  const { spec } = view;
  const [sdkName = "", sdkVersion = ""] = spec.sdk.split("/");
  return {
    workerId: spec.workerId,
    incarnation: spec.incarnation,
    connection: connections[view.connection],
    admission: view.draining
      ? WorkerAdmission.WORKER_ADMISSION_DRAINING
      : WorkerAdmission.WORKER_ADMISSION_OPEN,
    namespaces: [...spec.namespaces],
    host: spec.host,
    rack: spec.rack,
    capacity: encodeResources(view.capacity),
    used: encodeResources(view.used),
    labels: Object.fromEntries(spec.labels.map(({ name, value }) => [name, value])),
    taskTypes: [...spec.types],
    leases: { ...view.standings },
    creditTasks: view.creditTasks,
    prefetchTasks: spec.prefetchTasks,
    load: undefined,
    sdkName,
    sdkVersion,
    protocolVersion: 1,
    session: view.session === 0 ? "" : `${epoch}-${view.session}`,
    peer: "",
    silentMs: view.silentMs === undefined ? undefined : BigInt(Math.round(view.silentMs)),
    succeeded: BigInt(view.succeeded),
    failed: BigInt(view.failed),
    excludedForMs: undefined,
    note: "",
    registeredAt: undefined,
  };
}

function encodeResources(resources: readonly Resource[]): ResourceMessage[] {
  return resources.map(({ name, milli }) => ({ name, milli: BigInt(milli) }));
}
