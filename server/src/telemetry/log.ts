import pino from "pino";

/**
 * Structured logs, a line of JSON each, on stderr: stdout belongs to answers.
 *
 * @param level debug, info, warn, error or silent
 */
export function jsonLog(level: string): pino.Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
