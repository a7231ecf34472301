import { visit, type JSONPath } from "jsonc-parser";
import {
  Composer,
  isScalar,
  Lexer,
  LineCounter,
  parseDocument,
  Parser,
  visit as visitYaml,
  type Document,
  type Node,
} from "yaml";
import { pathText } from "./describe-issues.js";
import { depthMax, refuseDeepJson, TooDeep } from "./too-deep.js";

/** A value, and what a reader would have lost of the text that it stands in. */
export interface Read {
  readonly value: unknown;
  /** A line for each place: a field that stands twice, a number that would be rounded. */
  readonly losses: readonly Loss[];
}

/** Says one: a text of many is asked only for those that are shown, since a place takes time to find. */
export type Loss = () => string;

/**
 * Reads JSON. `JSON.parse` takes the last of two fields of one name, and rounds integers beyond 2^53: both are told.
 * @throws SyntaxError when it is none
 * @throws TooDeep
 */
export function readJson(text: string): Read {
  const value = JSON.parse(text) as unknown;
  refuseDeepJson(text);
  const losses: Loss[] = [];
  /** The names in the objects that are open, innermost last. */
  const open: Set<string>[] = [];
  const at = (line: number, column: number): string => `line ${line + 1}, column ${column + 1}`;
  visit(text, {
    onObjectBegin: () => {
      open.push(new Set());
    },
    onObjectProperty: (name, _offset, _length, line, column, path) => {
      const names = open.at(-1);
      if (names?.has(name)) {
        const place = [...path(), name];
        losses.push(() => twice(place, at(line, column)));
      }
      names?.add(name);
    },
    onObjectEnd: () => {
      open.pop();
    },
    onLiteralValue: (literal: unknown, offset, length, line, column, path) => {
      if (typeof literal !== "number") return;
      const written = text.slice(offset, offset + length);
      if (!isRounded(written, literal)) return;
      const place = path();
      losses.push(() => rounded(place, written, at(line, column)));
    },
  });
  return { value, losses };
}

/**
 * Reads YAML, with the same losses told. A key that stands twice is an error of YAML.
 * @throws YAMLError when it is none
 * @throws TooDeep
 */
export function readYaml(text: string): Read {
  const lineCounter = new LineCounter();
  const document = documentOf(text, lineCounter);
  const losses: Loss[] = [];
  visitYaml(document, {
    Scalar: (_key, node, ancestors) => {
      const { value, source = "" } = node;
      if (typeof value !== "bigint" && typeof value !== "number") return;
      const number = Number(value);
      node.value = number;
      if (!isRounded(typeof value === "bigint" ? String(value) : source, number)) return;
      const { line, col } = lineCounter.linePos(node.range?.[0] ?? 0);
      losses.push(() => rounded(pathOf(ancestors, node), source, `line ${line}, column ${col}`));
    },
  });
  return { value: document.toJS() as unknown, losses };
}

/** As `parseDocument` of the library does it, but for texts that would be too deep for it. */
function documentOf(text: string, lineCounter: LineCounter): Document {
  const options = { intAsBigInt: true };
  const tokens = tokensOf(text, lineCounter);
  const [document, ...more] = new Composer(options).compose(tokens, true, text.length);
  if (document !== undefined && document.errors.length === 0 && more.length === 0) return document;
  // It says more of an error than its parts do.
  const again = parseDocument(text, options);
  const [error] = again.errors;
  if (error !== undefined) throw error;
  return again;
}

/** The parser keeps what is open in a list; whoever reads its tokens calls itself for each level. */
function* tokensOf(text: string, lineCounter: LineCounter) {
  const parser = new Parser(lineCounter.addNewLine);
  lineCounter.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    const { stack } = parser;
    // The document itself is in it, and what is innermost may be a scalar.
    const open = stack.length - ("items" in (stack.at(-1) ?? {}) ? 1 : 2);
    if (open > depthMax) throw new TooDeep(text, parser.offset - lexeme.length);
  }
  yield* parser.end();
}

const twice = (path: JSONPath, place: string): string =>
  `${pathText(path)}: it stands twice (${place})`;

const rounded = (path: JSONPath, written: string, place: string): string =>
  `${pathText(path)}: ${written} cannot be kept as a number, write it as a text in quotes (${place})`;

/** An integer that a double does not hold, or a number beyond all of them. */
function isRounded(written: string, value: number): boolean {
  if (!Number.isFinite(value)) return /^[-+]?[0-9.]/.test(written);
  return /^[-+]?\d+$/.test(written) && !Number.isSafeInteger(value);
}

/** Where a node stands, as JSON would have it. */
function pathOf(ancestors: readonly (Document | Node | object)[], node: Node): JSONPath {
  const path: JSONPath = [];
  const line = [...ancestors, node] as { items?: unknown[]; key?: unknown; value?: unknown }[];
  line.forEach((one, i) => {
    const next = line[i + 1];
    if (next !== undefined && Array.isArray(one.items) && next.key === undefined) {
      path.push(one.items.indexOf(next));
    }
    if (isScalar(one.key)) path.push(String(one.key.value));
  });
  return path;
}
