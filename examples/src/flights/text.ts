/** Plain text for people: emphasis and columns. */
import Table from "cli-table3";

const hasColor = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;

export function bold(text: string): string {
  return hasColor ? `\u001b[1m${text}\u001b[22m` : text;
}

export function dim(text: string): string {
  return hasColor ? `\u001b[2m${text}\u001b[22m` : text;
}

/** Rows as columns with nothing but room between them: the first stands left, the others right. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const sides = ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left"];
  const more = ["bottom-right", "left", "left-mid", "mid", "mid-mid", "right", "right-mid"];
  const table = new Table({
    head: head.map(dim),
    chars: Object.fromEntries([...sides, ...more, "middle"].map((side) => [side, ""])),
    colAligns: head.map((_, column) => (column === 0 ? "left" : "right")),
    style: { head: [], border: [], "padding-left": 2, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
