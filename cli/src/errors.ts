import type { CapstanError, StatusCode } from "@capstan/sdk";
import { exitCodeOf, exitCodes } from "./exit-codes.js";

/** An error that the command itself found. Its message is one sentence; the hint is the next step. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly hint: string;

  constructor(
    message: string,
    options: { exitCode?: number; hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CliError";
    this.exitCode = options.exitCode ?? exitCodes.usage;
    this.hint = options.hint ?? "";
  }
}

/** What a reader of an argument throws at a bad one, as wrong usage. */
export function asUsage<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Somebody pressed Ctrl-C, or ended the command otherwise by a signal. It is not told as an error. */
export class Interrupted extends CliError {
  constructor(signal: NodeJS.Signals) {
    super("interrupted", { exitCode: exitCodeOf(signal) });
    this.name = "Interrupted";
  }
}

/** How an error is told. */
export interface Explanation {
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  readonly exitCode: number;
}

/** One clear sentence, the next step where there is one, and the exit code. */
export async function explain(
  error: unknown,
  address: string,
  nameOfAddress = "--address",
): Promise<Explanation> {
  if (error instanceof CliError) return error;
  const sdk = await import("@capstan/sdk");
  if (error instanceof sdk.CapstanError) return explainCall(error, address, nameOfAddress);
  const message = error instanceof Error ? error.message : String(error);
  return { message, hint: "", exitCode: exitCodes.failed };
}

/** The exit code for a call that failed. */
export function exitCodeOfCall(error: CapstanError): number {
  if (error.reason === notAMaster) return exitCodes.unreachable;
  return isHopeless(error) ? exitCodes.usage : exitCodeOfStatus[error.code];
}

/** The SDK's reason for what another service answered. */
const notAMaster = "NOT_A_MASTER";

function explainCall(error: CapstanError, address: string, nameOfAddress: string): Explanation {
  const exitCode = exitCodeOfCall(error);
  if (error.code === "UNAVAILABLE" && /name resolution failed/i.test(error.message)) {
    return {
      message: `${nameOfAddress}: no host of that name is known: ${address}`,
      hint: "is it spelled right? --address or CAPSTAN_ADDRESS names the master's host and port",
      exitCode,
    };
  }
  if (error.reason === notAMaster) {
    return {
      message: `what answers at ${address} is no Capstan master`,
      hint: "is it the right port? --address or CAPSTAN_ADDRESS names the master's host and port",
      exitCode,
    };
  }
  if (error.code === "UNAVAILABLE" && error.reason === "") {
    return {
      message: `no master answers at ${address}`,
      hint: "start one with `capstan server`, or name another with --address or CAPSTAN_ADDRESS",
      exitCode,
    };
  }
  if (error.code === "DEADLINE_EXCEEDED" && error.reason === "") {
    return { message: `the master at ${address} did not answer in time`, hint: "", exitCode };
  }
  if (error.violations.length > 0) {
    const fields = error.violations.map(({ field, description }) => `${field}: ${description}`);
    return { message: lines("the master refused the request", fields), hint: "", exitCode };
  }
  return { message: withoutCode(error.message), hint: hintOf(error), exitCode };
}

/** What the caller asked for is refused as it is, however often it is asked. */
function isHopeless({ code, reason, violations }: CapstanError): boolean {
  // A field that this master does not serve yet.
  if (code === "UNIMPLEMENTED" && violations.length > 0) return true;
  return reason === "LIMIT_EXCEEDED" || reason === "IDEMPOTENCY_CONFLICT";
}

/** gRPC puts its code before the sentence, by number and name: of use to programs alone. */
function withoutCode(message: string): string {
  return message.replace(/^\d+ [A-Z_]+: /, "");
}

/** What to do about it, where that is known. */
export function hintOf(error: CapstanError): string {
  switch (error.reason) {
    case "JOB_NOT_FOUND":
      return "`capstan job list` shows the jobs of the namespace; --namespace names another";
    case "STAGE_NOT_FOUND":
      return "`capstan job get JOB` shows the job's stages";
    case "TASK_NOT_FOUND":
      return "`capstan task list JOB` shows the job's tasks; an id is job/stage/index";
    case "LIMIT_EXCEEDED":
      return "what is larger goes by reference: put it where workers can read it and name its URI as an input";
    case "OUTPUT_NOT_READY":
      return "`capstan job watch JOB` waits for the job";
    default:
      return "";
  }
}

/** A heading and its points, as an error tells them: one point follows on the line, several get their own. */
export function lines(
  heading: string,
  points: readonly (string | (() => string))[],
  most = mostPoints,
): string {
  const told = points.slice(0, most).map((point) => (typeof point === "string" ? point : point()));
  if (points.length === 1) return `${heading}: ${told.join("")}`;
  const shown = told.map((point) => `\n  ${point}`);
  const left = points.length - shown.length;
  return `${heading}:${shown.join("")}${left > 0 ? `\n  and ${left} more` : ""}`;
}

const mostPoints = 10;

/** What a job definition looks like, for whoever wrote something else. */
export const exampleHint =
  'the least job is {"name": "hello", "stages": [{"taskType": "greet", "tasks": [{"payload": "you"}]}]}';

const exitCodeOfStatus = {
  OK: exitCodes.ok,
  CANCELLED: exitCodes.failed,
  UNKNOWN: exitCodes.failed,
  INVALID_ARGUMENT: exitCodes.usage,
  DEADLINE_EXCEEDED: exitCodes.timeout,
  NOT_FOUND: exitCodes.notFound,
  ALREADY_EXISTS: exitCodes.failed,
  PERMISSION_DENIED: exitCodes.auth,
  RESOURCE_EXHAUSTED: exitCodes.failed,
  FAILED_PRECONDITION: exitCodes.failed,
  ABORTED: exitCodes.failed,
  OUT_OF_RANGE: exitCodes.failed,
  UNIMPLEMENTED: exitCodes.failed,
  INTERNAL: exitCodes.failed,
  UNAVAILABLE: exitCodes.unreachable,
  DATA_LOSS: exitCodes.failed,
  UNAUTHENTICATED: exitCodes.auth,
} as const satisfies Record<StatusCode, number>;
