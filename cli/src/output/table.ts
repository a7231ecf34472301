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
  /** Cuts the last column so that a row stays a line. Undefined: nothing is cut. */
  readonly columns?: number | undefined;
  /** Columns of numbers, by index. */
  readonly right?: readonly number[];
}

/** Rows under a head. Only the last column is ever cut, so that ids stay whole. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string {
  const fitted = fit(head, rows, options.columns);
  const made = new Table({
    ...frameless,
    head: head.map((name) => options.palette.faint(name)),
    colAligns: head.map((_, index) => (options.right?.includes(index) === true ? "right" : "left")),
  });
  made.push(...fitted.map((row) => row.map(painted)));
  return trimLines(made.toString());
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

function fit(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  columns: number | undefined,
): readonly (readonly Cell[])[] {
  if (columns === undefined) return rows;
  const last = head.length - 1;
  const widths = head.slice(0, last).map((name, index) => {
    return rows.reduce((most, row) => Math.max(most, textOf(row[index] ?? "").length), name.length);
  });
  const taken = widths.reduce((sum, width) => sum + width + frameless.chars.middle.length, 0);
  const room = Math.max(leastLastColumn, columns - taken);
  return rows.map((row) => row.map((cell, index) => (index === last ? cut(cell, room) : cell)));
}

/** Below this the last column says nothing: better a row that the terminal wraps. */
const leastLastColumn = 12;

function cut(cell: Cell, room: number): Cell {
  const text = textOf(cell);
  if (text.length <= room) return cell;
  const short = `${text.slice(0, room - 1)}…`;
  return typeof cell === "string" ? short : { ...cell, text: short };
}

function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, "");
}
