import { AssignContext, AssignedTask } from "@capstan/proto/capstan/v1/session.js";
import { Assignment } from "../../src/worker/assignment.js";
import { Lease } from "../../src/worker/lease.js";
import type { Demand } from "../../src/worker/ledger.js";
import { Ledger } from "../../src/worker/ledger.js";
import { tokenKey, viewOf, type TokenPlace } from "../../src/worker/token.js";
import { tokenOf } from "./scripted-master.js";

export function placeOf(token: Buffer): TokenPlace {
  return { view: viewOf(token), at: 0, length: token.length };
}

/** A lease as it is when it has just arrived. */
export function leaseOf(
  given: { readonly token?: Buffer; readonly demand?: Demand; readonly key?: number } = {},
): Lease {
  const token = given.token ?? tokenOf();
  const demand = given.demand ?? new Ledger([]).demand([]);
  const { jobId, ...context } = AssignContext.create();
  const stage = { jobId, context, demand, registration: undefined };
  const task = Assignment.of(AssignedTask.create({ token }));
  const key = given.key ?? tokenKey(task.view, task.at, task.length);
  return new Lease(key, task, stage, demand, 0);
}
