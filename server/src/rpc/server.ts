import { readFileSync } from "node:fs";
import type { ServerOptions } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { descriptorSet } from "@capstan/proto/descriptors.js";
import { HealthService } from "@capstan/proto/grpc/health/v1/health.js";
import { ServerReflectionService } from "@capstan/proto/grpc/reflection/v1/reflection.js";
import { ServerReflectionService as ReflectionV1Alpha } from "@capstan/proto/grpc/reflection/v1alpha/reflection.js";
import type { Clock } from "../engine/clock.js";
import { systemClock } from "../engine/clock.js";
import type { Engine } from "../engine/engine-port.js";
import type { History } from "../history/history.js";
import { formatAddress, parseAddress, refuseOpenDoor, whyNotThere } from "./address.js";
import { type CapstanServices, capstanServices } from "./definitions.js";
import { guard } from "./guard.js";
import type { TraceOfSubmit } from "./handlers/deps.js";
import type { AboutMaster } from "./handlers/get-master.js";
import { type CapstanDeps, capstanHandlers } from "./handlers/index.js";
import { widenConnections, widenStreams } from "./flow-control.js";
import { Health } from "./health.js";
import { limits } from "./limits.js";
import type { Log } from "./log.js";
import { Descriptors } from "./reflection/descriptors.js";
import { reflection } from "./reflection/reflection.js";
import { protocolVersions, Sessions } from "./session/index.js";

export interface RpcServerOptions {
  readonly engine: Engine;
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly log: Log;
  /** Answers for jobs that left the core. Absent: none does. */
  readonly history?: History | undefined;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Listen off loopback in the clear: whoever reaches the port may do everything. Default false. */
  readonly insecure?: boolean;
  /** How often each side of a worker's session pings. Default 5,000. */
  readonly pingIntervalMs?: number;
  /** What a unary call without a deadline gets. Default 30,000. */
  readonly deadlineMs?: number;
  /** How long `close` waits for calls under way. Default 2,000. */
  readonly closeGraceMs?: number;
  /** Gives jobs a trace that came without one; absent when traces are not exported. */
  readonly traceOfSubmit?: TraceOfSubmit | undefined;
  /** What GetMaster says that the engine does not know. */
  readonly about?: Partial<AboutMaster>;
}

export interface RpcServer {
  /** Where it listens, with the port that it took. */
  readonly address: string;
  readonly port: number;
  /** Health says NOT_SERVING and nothing new is taken. What is under way goes on, sessions too. */
  drain(): Promise<void>;
  /**
   * Ends sessions and streams with UNAVAILABLE, waits a moment for other calls, and stops to listen.
   * Workers keep what they hold and connect again.
   */
  close(): Promise<void>;
}

/**
 * Starts the gRPC edge of a master.
 *
 * @throws RangeError if the address is malformed, or off loopback without `insecure`
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const wanted = parseAddress(options.address);
  refuseOpenDoor(wanted, options.insecure ?? false);
  const { engine, log, history, clock = systemClock } = options;
  const stopping = new AbortController();
  const capstan = capstanServices();
  const services = Object.keys(capstan);
  const health = new Health(services);
  const sessions = new Sessions({
    engine,
    clock,
    log,
    ...(options.pingIntervalMs === undefined ? {} : { pingIntervalMs: options.pingIntervalMs }),
  });
  const place = { address: options.address, isStopping: false };
  const server = new Server({
    ...transportOptions,
    interceptors: [
      guard({
        clock,
        log,
        insecure: options.insecure ?? false,
        isStopping: () => place.isStopping,
        ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
      }),
    ],
  });
  widenStreams(server);
  const about: AboutMaster = { ...defaultAbout(), ...options.about };
  const { traceOfSubmit } = options;
  const signal = stopping.signal;
  const own = { clock, sessions, stopping: signal, about, place, traceOfSubmit };
  addCapstan(server, capstan, { engine, log, history, ...own });
  server.addService(HealthService, { check: health.check, watch: health.watch, list: health.list });
  addReflection(server, services);

  let port: number;
  try {
    port = await bind(server, formatAddress(wanted));
  } catch (error) {
    stopping.abort();
    sessions.stop();
    server.forceShutdown();
    throw error;
  }
  widenConnections(server);
  place.address = formatAddress({ host: wanted.host, port });
  log.info({ address: place.address }, "listening");
  const drain = () => {
    place.isStopping = true;
    health.stopServing();
    return Promise.resolve();
  };
  return {
    address: place.address,
    port,
    drain,
    close: async () => {
      await drain();
      stopping.abort();
      sessions.stop();
      await shutDown(server, clock, options.closeGraceMs ?? 2_000);
    },
  };
}

/**
 * What grpc-js leaves open by default. Sizes: one message is at most 1 MiB in either direction. Memory:
 * what one connection may hold before it is told to slow down, in MiB.
 */
const transportOptions: ServerOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.max_concurrent_streams": 1_000,
  "grpc-node.max_session_memory": 64,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_connection_idle_ms": 1_800_000,
  // Counted for each message, and served by nobody: metrics are OpenTelemetry's.
  "grpc.enable_channelz": 0,
};

function addCapstan(server: Server, capstan: CapstanServices, deps: CapstanDeps): void {
  const handlers = capstanHandlers(capstan, deps);
  for (const [name, service] of Object.entries(capstan)) {
    server.addService(service, handlers[name as keyof CapstanServices]);
  }
}

function addReflection(server: Server, services: readonly string[]): void {
  const names = [
    ...services,
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
  ];
  const serverReflectionInfo = reflection(new Descriptors(descriptorSet()), names);
  server.addService(ServerReflectionService, { serverReflectionInfo });
  server.addService(ReflectionV1Alpha, { serverReflectionInfo });
}

function defaultAbout(): AboutMaster {
  const file = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(file) as { version: string };
  return { version, journalDriver: "", protocol: protocolVersions, features: [] };
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else
        reject(new Error(`cannot listen at ${address}: ${whyNotThere(error)}`, { cause: error }));
    });
  });
}

/** Waits for calls under way, but not for ever. */
function shutDown(server: Server, clock: Clock, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = clock.setTimer(graceMs, () => {
      server.forceShutdown();
      resolve();
    });
    server.tryShutdown(() => {
      giveUp();
      resolve();
    });
  });
}
