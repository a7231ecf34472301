/** A message in one line, bytes as text. */
export function show(message: unknown): string {
  const text = JSON.stringify(message, (_, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    if (isBufferJson(value)) {
      const bytes = Buffer.from(value.data);
      const isText = bytes.every((byte) => byte >= 32 && byte < 127);
      return isText ? bytes.toString("latin1") : bytes.toString("hex");
    }
    return value === "" || value === undefined || value === false ? undefined : value;
  });
  return text.length > 700 ? `${text.slice(0, 700)}…` : text;
}

function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
}
