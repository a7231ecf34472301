import { InvalidPayloadError } from "../errors.js";
import type { Handler, Parser, StandardResult, Task, TaskContext } from "./task.js";

/** A handler with its type. */
export interface Registration {
  readonly taskType: string;
  /** Runs it on a task whose payload has not been parsed yet. */
  readonly run: (task: HandlerTask, context: TaskContext) => unknown;
}

/** A task as the runner builds it: what a parser made takes the payload's place. */
export interface HandlerTask extends Task {
  parsed(payload: unknown): void;
}

/** A handler that takes the payload as the codec gives it. */
export function plain(taskType: string, handler: Handler<unknown, unknown>): Registration {
  return { taskType, run: handler };
}

/** A handler behind a parser. What the parser does not take is invalid input: it is not tried again. */
export function parsing(
  taskType: string,
  parser: Parser<unknown>,
  handler: Handler<unknown, unknown>,
): Registration {
  const parse = parserOf(parser);
  return {
    taskType,
    run: async (task, context) => {
      task.parsed(await parse(task.payload));
      return handler(task, context);
    },
  };
}

function parserOf(parser: Parser<unknown>): (value: unknown) => unknown {
  const standard = "~standard" in parser ? parser["~standard"] : undefined;
  if (standard !== undefined) return async (value) => accepted(await standard.validate(value));
  const parse = parser as (value: unknown) => unknown;
  return (value) => {
    try {
      return parse(value);
    } catch (error) {
      if (error instanceof InvalidPayloadError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new InvalidPayloadError(`the payload is not what the handler takes: ${message}`, error);
    }
  };
}

function accepted(result: StandardResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const where = path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  throw new InvalidPayloadError(`the payload is not what the handler takes: ${issues.join("; ")}`);
}
