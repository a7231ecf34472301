/** How results can be written. */
export const outputFormats = ["table", "json", "jsonl", "yaml"] as const;

/** See {@link outputFormats}. */
export type OutputFormat = (typeof outputFormats)[number];
