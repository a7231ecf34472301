/**
 * What the edge asks of a log: structured, fields first. pino has this shape; tests pass their own.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
