import Table from "cli-table3";
import { safe } from "./human.js";
import type { Paint, Palette } from "./palette.js";

/** A cell: a text, and how it is painted. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

function textOf(cell: Cell): string {
  return safe(typeof cell === "string" ? cell : cell.text);
}

function painted(cell: Cell): string {
  const text = textOf(cell);
  return typeof cell === "string" || text === "" ? text : cell.paint(text);
}

/** No frame: what is copied from a terminal, or cut by `awk`, is the values. */
const frameless = {
  chars: {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  },
  style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
};

/** How a table fits. */
export interface TableOptions {
  readonly palette: Palette;
  /** The width of a terminal: no row is longer. Undefined: as wide as it is. */
  readonly columns?: number | undefined;
  /** Columns of numbers, by index. */
  readonly right?: readonly number[];
  /** Columns that are left out, in this order, where the terminal is too narrow for all. Never the last. */
  readonly spare?: readonly number[];
}

/**
 * Rows under a head. Where they do not fit, columns that can be spared are left out and the last one is cut, so
 * that ids stay whole; where they do not fit even so, each row is a block of names and values.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string {
  const { palette, columns = Infinity, right = [], spare = [] } = options;
  const widths = head.map((name, index) => {
    return rows.reduce((most, row) => Math.max(most, textOf(row[index] ?? "").length), name.length);
  });
  const last = head.length - 1;
  const least = (kept: readonly number[]) =>
    kept.reduce((sum, index) => {
      const width = widths[index] ?? 0;
      return sum + (index === last ? Math.min(width, leastLastColumn) : width + gap);
    }, 0);
  let kept = [...head.keys()];
  for (const index of spare) if (least(kept) > columns) kept = kept.filter((one) => one !== index);
  if (least(kept) > columns) return blocks(head, rows, palette);
  const taken = least(kept.filter((index) => index !== last));
  const made = new Table({
    ...frameless,
    head: kept.map((index) => palette.faint(head[index] ?? "")),
    colAligns: kept.map((index) => (right.includes(index) ? "right" : "left")),
  });
  for (const row of rows) {
    made.push(
      kept.map((index) => {
        const cell = row[index] ?? "";
        return painted(index === last ? cut(cell, columns - taken) : cell);
      }),
    );
  }
  return trimLines(made.toString());
}

function blocks(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  palette: Palette,
): string {
  return rows
    .map((row) =>
      facts(
        head.map((name, index) => [name, row[index] ?? ""] as const),
        palette,
      ),
    )
    .join("\n\n");
}

/** Names and values, a line each; values that are empty are left out. */
export function facts(
  pairs: readonly (readonly [name: string, value: Cell])[],
  palette: Palette,
): string {
  const made = new Table(frameless);
  for (const [name, value] of pairs) {
    if (textOf(value) !== "") made.push([palette.faint(name), painted(value)]);
  }
  return trimLines(made.toString());
}

/** Below this the last column says nothing. */
const leastLastColumn = 12;

/** Between two columns. */
const gap = frameless.chars.middle.length;

function cut(cell: Cell, room: number): Cell {
  const text = textOf(cell);
  if (text.length <= room) return cell;
  const short = `${text.slice(0, room - 1)}…`;
  return typeof cell === "string" ? short : { ...cell, text: short };
}

function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, "");
}
