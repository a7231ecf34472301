import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Resource } from "@capstan/proto/capstan/v1/common.js";
import { addressesOf } from "../connection.js";
import { jsonCodec, type Codec } from "../codec.js";
import type { BackoffLimits } from "../backoff.js";
import { milliOf } from "../client/units.js";
import { invalidOption } from "../call-error.js";
import type { ResourceUnits } from "../job-definition.js";
import type { WorkerOptions } from "./options.js";
import { maxHeld } from "./token-table.js";

/** A worker's options with everything filled in. */
export interface WorkerSettings {
  readonly workerId: string;
  /** Drawn anew by each process, kept over its reconnects. */
  readonly incarnation: string;
  readonly namespaces: readonly string[];
  readonly host: string;
  readonly rack: string;
  readonly resources: readonly Resource[];
  readonly labels: Readonly<Record<string, string>>;
  readonly prefetchTasks: number;
  readonly maxTasks: number;
  readonly maxBytes: number;
  readonly drainTimeoutMs: number;
  readonly abortGraceMs: number;
  readonly installSignalHandlers: boolean;
  readonly heartbeatThread: boolean;
  readonly codec: Codec;
  readonly reconnect: BackoffLimits;
}

/** How many leases may be ended and not yet settled beside those at work, unless the credit is given. */
const unsettledTasks = 1_024;

/**
 * @param nameAt gives the worker of a host an id where the options have none; asked last
 * @throws InvalidArgumentError for a number that is out of its range
 */
export function settingsOf(
  options: WorkerOptions,
  nameAt: (host: string) => string,
): WorkerSettings {
  const { slots, resources } = options;
  addressesOf(options);
  const units = { ...resources, ...(slots === undefined ? {} : { slots }) };
  const has = Object.keys(units).length === 0 ? { slots: 1 } : units;
  const prefetchTasks = whole("prefetchTasks", options.prefetchTasks ?? 0, 0, 1_024);
  const atOnce = Math.ceil(has["slots"] ?? 0);
  const maxTasks = Math.min(maxHeld, atOnce + prefetchTasks + unsettledTasks);
  const host = options.host ?? hostname();
  return {
    incarnation: randomUUID(),
    namespaces: options.namespaces ?? ["default"],
    host,
    rack: options.rack ?? "",
    resources: capacityOf(has, slots === undefined ? "resources" : "slots"),
    labels: options.labels ?? {},
    prefetchTasks,
    maxTasks: whole("maxTasks", options.maxTasks ?? maxTasks, 1, maxHeld),
    maxBytes: whole("maxBytes", options.maxBytes ?? 64 * 1024 * 1024, 1, 0xffff_ffff),
    drainTimeoutMs: whole("drainTimeoutMs", options.drainTimeoutMs ?? 30_000, 0, 2_147_483_647),
    abortGraceMs: whole("abortGraceMs", options.abortGraceMs ?? 5_000, 0, 2_147_483_647),
    installSignalHandlers: options.installSignalHandlers ?? true,
    heartbeatThread: options.heartbeatThread ?? true,
    codec: options.codec ?? jsonCodec,
    reconnect: {
      baseMs: options.reconnect?.baseMs ?? 100,
      capMs: options.reconnect?.capMs ?? 10_000,
    },
    workerId: options.workerId ?? nameAt(host),
  };
}

/** @param named the option that said most of it */
function capacityOf(units: ResourceUnits, named: string): readonly Resource[] {
  let resources: readonly Resource[];
  try {
    resources = milliOf(units);
  } catch (error) {
    throw invalidOption("resources", error);
  }
  if (resources.some(({ milli }) => milli !== 0n)) return resources;
  throw invalidOption(named, `${named} must be above 0: the worker has nothing to run a task with`);
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(name, `${name} must be a whole number from ${min} to ${max}, got ${value}`);
}
