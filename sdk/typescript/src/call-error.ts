import {
  CapstanError,
  DeadlineExceededError,
  InvalidArgumentError,
  UnavailableError,
} from "./errors.js";

/**
 * What a call to an address ended with. Where it was the link and not a master that said so, in words that
 * name the address: gRPC's own speak of its insides.
 */
export function callError(error: unknown, address: string, timeoutMs?: number): CapstanError {
  const known = CapstanError.from(error);
  if (known.reason !== "") return known;
  const facts = { code: known.code, cause: known.cause, metadata: { address } };
  if (isOfNoMaster(known)) {
    const text = `what answers at ${address} is no Capstan master: ${linkError(known.message)}`;
    return CapstanError.of(text, { ...facts, reason: notAMaster });
  } else if (known.code === "UNAVAILABLE") {
    const why = linkError(known.message);
    return new UnavailableError(`no master answers at ${address}: ${why}`, facts);
  } else if (known.code === "DEADLINE_EXCEEDED" && timeoutMs !== undefined) {
    const text = `the master at ${address} did not answer within ${timeoutMs} ms`;
    return new DeadlineExceededError(text, facts);
  } else {
    return known;
  }
}

/** The reason of an error whose sender is no master: another service listens at the address. */
export const notAMaster = "NOT_A_MASTER";

/**
 * Whether something answered that is no master: a server of HTTP/1, of other pages, of other gRPC services. A proxy
 * that says 503 stands before a master that is away.
 */
function isOfNoMaster({ code, message }: CapstanError): boolean {
  if (code === "UNAVAILABLE") return /Protocol error|Parse Error/i.test(message);
  return (
    code === "UNIMPLEMENTED" || /^Received HTTP status code|^Invalid content-type/i.test(message)
  );
}

/** The error for an option that cannot be used: its text names the option, and so does its violation. */
export function invalidOption(name: string, cause: unknown): InvalidArgumentError {
  const description = cause instanceof Error ? cause.message : String(cause);
  const violations = [{ field: name, description }];
  return new InvalidArgumentError(description, { code: "INVALID_ARGUMENT", violations });
}

/** The system's own words within those of grpc-js. */
function linkError(message: string): string {
  const system = /Last error: (?:Error: )?(.*?)\.?(?: Resolution note:.*)?$/s.exec(message)?.[1];
  const words = (system ?? message).replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, "");
  return words.trim() || "the link broke";
}

/** Runs what checks options, so that the stack of its error begins with who gave them to `entry`. */
export function fromCaller<Value>(
  check: () => Value,
  entry: new (...args: never[]) => unknown,
): Value {
  try {
    return check();
  } catch (error) {
    if (error instanceof CapstanError) Error.captureStackTrace(error, entry);
    throw error;
  }
}
