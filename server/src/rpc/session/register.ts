import type { HeldList, Register } from "@capstan/proto/capstan/v1/session.js";
import { HeldState, MasterMessage } from "@capstan/proto/capstan/v1/session.js";
import { status } from "@grpc/grpc-js";
import type { CommandOf, HeldLease, RegisterReply, WorkerSpec } from "../../core/index.js";
import { Checker } from "../codec/checker.js";
import { decodeDemand } from "../codec/kinds.js";
import { CallRefusedError } from "../errors.js";
import { limits } from "../limits.js";
import { encodeToken } from "../token.js";
import { checkNamespaces, checkToken, checkWorkerId } from "./checks.js";
import { outcomeMessage } from "./outcomes.js";
import { sessionLimits } from "./session-limits.js";

/** The versions of the stream's protocol that this master speaks. */
export const protocolVersions = { min: 1, max: 1 } as const;

/** Optional parts of the protocol that this master speaks: none is defined yet. */
const featuresSpoken: readonly string[] = [];

/**
 * A Register as a command.
 *
 * @throws CallRefusedError PROTOCOL_MISMATCH; InvalidInputError with every field that is wrong
 */
export function registration(message: Register, session: number): CommandOf<"register_worker"> {
  checkVersion(message.protocolVersion);
  const checker = new Checker("PullTasks", "register");
  const spec = decodeSpec(checker, message);
  const held = message.held === undefined ? [] : decodeHeld(checker, message.held);
  checker.finish();
  return { kind: "register_worker", spec, session, held };
}

function checkVersion(version: number): void {
  const { min, max } = protocolVersions;
  if (version >= min && version <= max) return;
  throw new CallRefusedError(`protocol version ${version}: this master speaks ${min} to ${max}`, {
    code: status.FAILED_PRECONDITION,
    reason: "PROTOCOL_MISMATCH",
    facts: { protocol_min: String(min), protocol_max: String(max) },
  });
}

function decodeSpec(checker: Checker, message: Register): WorkerSpec {
  const { sdkName, sdkVersion, incarnation, prefetchTasks } = message;
  checkNames(checker, ".features", message.features, sessionLimits.features);
  checker.text(".sdk_name", sdkName, sessionLimits.sdkBytes);
  checker.text(".sdk_version", sdkVersion, sessionLimits.sdkBytes);
  checkWorkerId(checker, ".worker_id", message.workerId);
  if (incarnation === "") checker.fail(".incarnation", "is missing");
  checker.text(".incarnation", incarnation, sessionLimits.incarnationBytes);
  checker.text(".host", message.host, limits.hostBytes);
  checker.text(".rack", message.rack, limits.hostBytes);
  if (message.taskTypes.length === 0) checker.fail(".task_types", "at least one is needed");
  checkNames(checker, ".task_types", message.taskTypes, sessionLimits.taskTypes);
  checkHooks(checker, message);
  checker.range(".prefetch_tasks", prefetchTasks, 0, sessionLimits.prefetchTasks);
  return {
    workerId: message.workerId,
    incarnation,
    namespaces: checkNamespaces(checker, ".namespaces", message.namespaces),
    host: message.host,
    rack: message.rack,
    capacity: decodeCapacity(checker, message),
    labels: decodeLabels(checker, message.labels),
    types: [...new Set(message.taskTypes)],
    prefetchTasks,
    sdk: [sdkName, sdkVersion].filter((part) => part !== "").join("/"),
  };
}

/**
 * One that has nothing at all could never run a task. It may come to that later, by Resources, and must be able to
 * come back then with what it holds.
 */
function decodeCapacity(checker: Checker, { resources, held }: Register): WorkerSpec["capacity"] {
  const capacity = decodeDemand(checker, ".resources", resources);
  const isNew = held === undefined || held.session === "";
  if (isNew && resources.length > 0 && resources.every(({ milli }) => milli === 0n)) {
    checker.fail(".resources", "has nothing above 0: no task could ever run there");
  }
  return capacity;
}

function checkNames(
  checker: Checker,
  field: string,
  values: readonly string[],
  most: number,
): void {
  if (!checker.count(field, values.length, most)) return;
  for (const [i, value] of values.entries()) checker.name(`${field}[${i}]`, value);
}

/** Hooks are taken note of when the master has something to ask of them. */
function checkHooks(checker: Checker, { hooks }: Register): void {
  if (!checker.count(".hooks", hooks.length, sessionLimits.hooks)) return;
  for (const [i, { taskTypes }] of hooks.entries()) {
    checkNames(checker, `.hooks[${i}].task_types`, taskTypes, sessionLimits.taskTypes);
  }
}

/** Sorted, so that a worker that says the same again is the same. */
function decodeLabels(
  checker: Checker,
  labels: Readonly<Record<string, string>>,
): WorkerSpec["labels"] {
  const names = Object.keys(labels).sort();
  if (!checker.count(".labels", names.length, limits.labels)) return [];
  return names.map((name) => {
    const value = labels[name] ?? "";
    checker.name(".labels", name);
    checker.text(`.labels[${JSON.stringify(name)}]`, value, limits.labelValueBytes);
    return { name, value };
  });
}

const heldStates: Readonly<Record<number, HeldLease["state"]>> = {
  [HeldState.HELD_STATE_STARTED]: "started",
  [HeldState.HELD_STATE_RESULT_PENDING]: "result_pending",
};

function decodeHeld(checker: Checker, list: HeldList): HeldLease[] {
  checker.text(".held.session", list.session, sessionLimits.sessionNameBytes);
  const areDemandsFew = checker.count(".held.demands", list.demands.length, sessionLimits.tokens);
  const demands = areDemandsFew
    ? list.demands.map(({ resources }, i) =>
        decodeDemand(checker, `.held.demands[${i}].resources`, resources, []),
      )
    : [];
  if (!checker.count(".held.held", list.held.length, sessionLimits.tokens)) return [];
  const seen = new Set<string>();
  const held: HeldLease[] = [];
  for (const [i, lease] of list.held.entries()) {
    const token = checkToken(checker, `.held.held[${i}].token`, lease.token);
    const demand = demands[lease.demand];
    if (demand === undefined) {
      checker.fail(`.held.held[${i}].demand`, `is ${lease.demand} of ${demands.length} demands`);
    }
    // A lease that is listed twice is one lease.
    const key = lease.token.toString("latin1");
    if (token === undefined || demand === undefined || seen.has(key)) continue;
    seen.add(key);
    held.push({ token, state: heldStates[lease.state] ?? "received", demand });
  }
  return held;
}

/** What holds in a session, as the worker is told. */
export interface SessionTerms {
  readonly name: string;
  readonly leaseTermMs: number;
  readonly pingIntervalMs: number;
  readonly receiptTimeoutMs: number;
}

/** The answer to Register, encoded as a MasterMessage. */
export function encodeRegistered(
  reply: RegisterReply,
  features: readonly string[],
  terms: SessionTerms,
): Uint8Array {
  const { leaseTermMs } = terms;
  const value = {
    session: terms.name,
    leaseTermMs,
    pingIntervalMs: terms.pingIntervalMs,
    receiptTimeoutMs: terms.receiptTimeoutMs,
    features: featuresSpoken.filter((feature) => features.includes(feature)),
    resumed: reply.resumed.map(({ token, remainingMs }) => ({
      token: encodeToken(token),
      leaseRemainingMs: remainingMs === leaseTermMs ? undefined : Math.floor(remainingMs),
    })),
    settled: reply.settled.map(({ token, outcome }) => ({
      token: encodeToken(token),
      outcome: outcomeMessage(outcome),
    })),
    lost: reply.lost.map(encodeToken),
    protocolVersion: protocolVersions.max,
  };
  return MasterMessage.encode({ message: { $case: "registered", value } }).finish();
}
