import type { OutputFormat } from "./formats.js";

/** A value as JSON has it: bytes as base64, moments as ISO 8601, big integers as text. */
export function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => typeof entry !== "function")
      .map(([key, entry]) => [key, plain(entry)]),
  );
}

/** A value as a line of JSON. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(plain(value))}\n`;
}

/** One value in a format for programs, with its line end. */
export async function serialize(
  value: unknown,
  format: Exclude<OutputFormat, "table">,
): Promise<string> {
  switch (format) {
    case "json":
      return `${JSON.stringify(plain(value), undefined, 2)}\n`;
    case "jsonl":
      return jsonLine(value);
    case "yaml": {
      // Loaded when it is wanted: most commands want it never, and it takes longer than all of them.
      const { stringify } = await import("yaml");
      return stringify(plain(value));
    }
  }
}
