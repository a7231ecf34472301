import type { handleServerStreamingCall, handleUnaryCall } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListRequest,
  HealthListResponse,
} from "@capstan/proto/grpc/health/v1/health.js";
import { HealthCheckResponse_ServingStatus as Serving } from "@capstan/proto/grpc/health/v1/health.js";

interface Watcher {
  readonly service: string;
  readonly tell: (response: HealthCheckResponse) => void;
}

/**
 * grpc.health.v1: SERVING from the moment of listening, NOT_SERVING from drain on. The empty name is
 * the server as a whole.
 *
 * Source of the behaviour: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export class Health {
  readonly #services: readonly string[];
  readonly #watchers = new Set<Watcher>();
  #isServing = true;

  /** @param services full names, for example `capstan.v1.MasterService` */
  constructor(services: readonly string[]) {
    this.#services = ["", ...services];
  }

  /** From now on nobody is to be sent here. */
  stopServing(): void {
    if (!this.#isServing) return;
    this.#isServing = false;
    for (const { service, tell } of this.#watchers) tell({ status: this.#statusOf(service) });
  }

  readonly check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse> = (call, callback) => {
    const { service } = call.request;
    if (this.#services.includes(service)) callback(null, { status: this.#statusOf(service) });
    else callback({ code: status.NOT_FOUND, details: "there is no such service" });
  };

  readonly list: handleUnaryCall<HealthListRequest, HealthListResponse> = (_call, callback) => {
    const statuses = this.#services.map((service) => [
      service,
      { status: this.#statusOf(service) },
    ]);
    callback(null, { statuses: Object.fromEntries(statuses) as HealthListResponse["statuses"] });
  };

  /** Says how a service stands, and again whenever that has changed. A reader who is gone is forgotten. */
  readonly watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse> = (call) => {
    const { service } = call.request;
    const watcher: Watcher = {
      service,
      tell: (response) => {
        call.write(response);
      },
    };
    this.#watchers.add(watcher);
    const forget = () => {
      this.#watchers.delete(watcher);
    };
    call.once("cancelled", forget);
    call.once("close", forget);
    watcher.tell({ status: this.#statusOf(service) });
  };

  #statusOf(service: string): Serving {
    if (!this.#services.includes(service)) return Serving.SERVICE_UNKNOWN;
    return this.#isServing ? Serving.SERVING : Serving.NOT_SERVING;
  }
}
