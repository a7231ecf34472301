import type { Failure } from "@capstan/sdk";
import { safe, words } from "./human.js";
import type { Palette } from "./palette.js";

/** `TypeError: x is not a function (error)`: what went wrong, in a line or a few. */
export function whatFailed(failure: Failure): string {
  const type = failure.type === "" ? words(failure.kind) : failure.type;
  const kind = failure.kind === "error" || failure.type === "" ? "" : ` (${words(failure.kind)})`;
  return failure.message === "" ? `${type}${kind}` : `${type}: ${failure.message}${kind}`;
}

/**
 * `error, attempt 3 of 3 (the last), delivery 4, on worker w1 (host a)`: where it went wrong. A reader of
 * `attempt 1 of 3` alone would wait for two more.
 */
export function whereFailed(failure: Failure, isFinal: boolean): string {
  const last = failure.isLastAttempt ? " (the last)" : isFinal ? " (not retried)" : "";
  const host = failure.host === "" || failure.host === failure.workerId ? "" : ` (${failure.host})`;
  return [
    words(failure.kind),
    failure.attempt === 0 ? "" : `attempt ${failure.attempt} of ${failure.maxAttempts}${last}`,
    failure.delivery === 0 ? "" : `delivery ${failure.delivery}`,
    failure.workerId === "" ? "" : `on worker ${failure.workerId}${host}`,
    failure.dependency === "" ? "" : `blames ${failure.dependency}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/**
 * A failure with its place, its stack and its causes, as far as they are known.
 * `isFinal`: the task has failed with it, however many attempts it had left.
 */
export function failureText(
  failure: Failure,
  palette: Palette,
  options: { readonly stack: boolean; readonly isFinal: boolean },
): string {
  const text = [
    palette.bad(indent(whatFailed(failure), 2)),
    `  ${whereFailed(failure, options.isFinal)}`,
  ];
  if (!options.stack) return text.join("\n");
  const frames = framesOf(failure);
  if (frames !== "") text.push(palette.faint(indent(frames, 4)));
  for (const cause of failure.causes) {
    const causeFrames = framesOf(cause);
    const stack = causeFrames === "" ? "" : `\n${palette.faint(indent(causeFrames, 4))}`;
    text.push(`${indent(`caused by ${cause.type}: ${cause.message}`, 2)}${stack}`);
  }
  return text.join("\n");
}

function indent(text: string, spaces: number): string {
  return safe(text).trimEnd().replace(/^/gm, " ".repeat(spaces));
}

/** A stack without its head, where that only says type and message once more. */
function framesOf(thrown: { type: string; message: string; stack: string }): string {
  const { type, message, stack } = thrown;
  for (const head of [`${type}: ${message}\n`, `${type}\n`]) {
    if (stack.startsWith(head)) return stack.slice(head.length).replace(/^ {4}/gm, "");
  }
  return stack;
}
