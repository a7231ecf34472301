import type { HeldList } from "@capstan/proto/capstan/v1/session.js";
import type { LeaseToken } from "../../core/index.js";
import type { Checker } from "../codec/checker.js";
import { decodeToken } from "../token.js";
import { sessionLimits } from "./session-limits.js";

const workerId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const notAToken = "is no lease token of 32 bytes";

export function checkWorkerId(checker: Checker, field: string, value: string): void {
  if (workerId.test(value)) return;
  checker.fail(field, value === "" ? "is missing" : "must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}");
}

/** The namespaces that are named, each once; none means the default one. */
export function checkNamespaces(
  checker: Checker,
  field: string,
  values: readonly string[],
): readonly string[] {
  if (values.length === 0) return [checker.namespace(field, "")];
  if (!checker.count(field, values.length, sessionLimits.namespaces)) return [];
  return [...new Set(values.map((value, i) => checker.namespace(`${field}[${i}]`, value)))];
}

export function checkToken(
  checker: Checker,
  field: string,
  bytes: Uint8Array,
): LeaseToken | undefined {
  const token = decodeToken(bytes);
  if (token === undefined) checker.fail(field, notAToken);
  return token;
}

/** Tokens that must all be well-formed, or the whole message is wrong. */
export function checkTokens(
  checker: Checker,
  field: string,
  values: readonly (Uint8Array | LeaseToken)[],
): LeaseToken[] {
  if (!checker.count(field, values.length, sessionLimits.tokens)) return [];
  const tokens: LeaseToken[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as Uint8Array | LeaseToken;
    const token = value instanceof Uint8Array ? decodeToken(value) : value;
    if (token === undefined) checker.fail(`${field}[${i}]`, notAToken);
    else tokens.push(token);
  }
  return tokens;
}

/** The leases of a held list in a ping. */
export function checkHeld(checker: Checker, list: HeldList): LeaseToken[] {
  if (!checker.count(".held.held", list.held.length, sessionLimits.tokens)) return [];
  return list.held.flatMap(
    ({ token }, i) => checkToken(checker, `.held.held[${i}].token`, token) ?? [],
  );
}
