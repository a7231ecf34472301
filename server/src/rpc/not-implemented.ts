import type { UntypedHandleCall, UntypedServiceImplementation } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { Service } from "./definitions.js";
import { CallRefusedError } from "./errors.js";
import type { Log } from "./log.js";
import { toStatus } from "./status.js";

/** What a handler of any shape has in common: a call that can fail, a callback if it is unary. */
interface AnyCall {
  on(event: "data", listener: () => void): void;
  emit(event: "error", error: unknown): boolean;
}

/** Fills in every method that has no handler: the call is specified, and this master does not have it yet. */
export function withRefusals(
  service: Service,
  handlers: UntypedServiceImplementation,
  log: Log,
): UntypedServiceImplementation {
  const missing = Object.entries(service).filter(([name]) => !(name in handlers));
  const refusals = missing.map(([name, { path }]) => [name, notImplemented(path, log)] as const);
  return { ...handlers, ...Object.fromEntries(refusals) };
}

function notImplemented(path: string, log: Log): UntypedHandleCall {
  const method = path.slice(path.lastIndexOf("/") + 1);
  const error = new CallRefusedError(`${path.slice(1)} is specified and not there yet`, {
    code: status.UNIMPLEMENTED,
    reason: "NOT_IMPLEMENTED",
    facts: { method },
  });
  const handler = (call: AnyCall, callback?: (error: unknown) => void) => {
    const refusal = toStatus(error, log);
    if (callback === undefined) call.emit("error", refusal);
    else callback(refusal);
  };
  return handler as unknown as UntypedHandleCall;
}
