import type { Log } from "@capstan/server";
import { clock } from "./output/human.js";
import type { Palette } from "./output/palette.js";
import type { OutputStream } from "./surroundings.js";

/** How much the master says. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** See {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** A line for people for each entry: `14:05:09 info replayed the journal entries=3`. */
export function textLog(level: LogLevel, stream: OutputStream, palette: Palette): Log {
  const paints = {
    debug: palette.faint,
    info: palette.busy,
    warn: palette.warn,
    error: palette.bad,
  };
  const at = (name: keyof Log) => (fields: object, message: string) => {
    if (logLevels.indexOf(name) < logLevels.indexOf(level)) return;
    const time = palette.faint(clock(new Date()));
    stream.write(`${time} ${paints[name](name)} ${message}${palette.faint(fieldsText(fields))}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function fieldsText(fields: object): string {
  return Object.entries(fields)
    .map(([key, value]) => ` ${key}=${valueText(value)}`)
    .join("");
}

function valueText(value: unknown): string {
  if (value instanceof Error) return stackOf(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string") return /[\s"]/.test(value) ? JSON.stringify(value) : value;
  const whole = (_key: string, part: unknown) => (typeof part === "bigint" ? String(part) : part);
  return JSON.stringify(value, whole) ?? "";
}

/** With what caused it: that says most. */
function stackOf({ stack, message, cause }: Error): string {
  const own = stack ?? message;
  return cause instanceof Error ? `${own}\ncaused by ${stackOf(cause)}` : own;
}
