import { parentPort, workerData } from "node:worker_threads";
import { HeartbeatResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { Connection } from "../rpc/connection.js";
import { heartbeat } from "../rpc/methods.js";
import type { HeartbeatSetup } from "./heartbeat.js";
import { TokenTable } from "./token-table.js";

/**
 * The thread that stands in for a worker whose event loop is blocked. It looks often, and calls only when
 * the worker's last ping, and its own last call, are old.
 */

/** At what share of the lease term it steps in: after the worker's own third, before two thirds. */
const stepInShare = 0.45;
const looksPerTerm = 8;
const idleLookMs = 50;
const shortestCallMs = 250;

const setup = withBuffers(workerData as HeartbeatSetup);
const table = new TokenTable(setup.memory);
const { namespaces, workerId, incarnation } = setup;
let connection: Connection | undefined;
let calledAt = -Infinity;

function look(): void {
  const termMs = table.leaseTermMs;
  const lookMs = termMs === 0 ? idleLookMs : Math.max(10, termMs / looksPerTerm);
  void beat(termMs).finally(() => setTimeout(look, lookMs));
}

async function beat(termMs: number): Promise<void> {
  const now = performance.now();
  const dueMs = termMs * stepInShare;
  if (termMs === 0 || table.sincePingMs() < dueMs || now - calledAt < dueMs) return;
  const tokens = table.tokens();
  if (tokens.length === 0) return;
  calledAt = now;
  connection ??= new Connection(setup, {
    callTimeoutMs: Math.max(shortestCallMs, termMs / 3),
    retryForMs: 0,
  });
  const request = {
    namespaces: [...namespaces],
    workerId,
    incarnation,
    tokens,
    load: undefined,
  };
  try {
    const response = await connection.unary(heartbeat, request);
    if (hasDirectives(response))
      parentPort?.postMessage(HeartbeatResponse.encode(response).finish());
  } catch {
    // The link is down, or the worker is not known any more: its own thread will find out. Look again soon.
    calledAt = -Infinity;
  }
}

/** What crosses to a thread comes as plain bytes; gRPC wants Buffers. */
function withBuffers(given: HeartbeatSetup): HeartbeatSetup {
  const { tls } = given;
  if (typeof tls !== "object") return given;
  const buffer = (bytes: Uint8Array | undefined): Buffer | undefined => bytes && Buffer.from(bytes);
  return { ...given, tls: { ca: buffer(tls.ca), cert: buffer(tls.cert), key: buffer(tls.key) } };
}

function hasDirectives({ cancels, settlements, drain }: HeartbeatResponse): boolean {
  return cancels.length > 0 || settlements.length > 0 || drain !== undefined;
}

look();
