import { readFileSync } from "node:fs";

/** The version of this package, as its package.json says (two folders up from where this is compiled to). */
export function ownVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
