/** Where a text stops being JSON. */
export interface JsonBreak {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong there: `a value is wanted`. */
  readonly problem: string;
}

/** What may come next. */
type Wanted = "value" | "value or ]" | "key" | "key or }" | ":" | ", or ]" | ", or }" | "end";

const words: Readonly<Record<Wanted, string>> = {
  value: "a value is wanted",
  "value or ]": "a value or ] is wanted",
  key: 'a name in "quotes" is wanted',
  "key or }": 'a name in "quotes" or } is wanted',
  ":": ": is wanted",
  ", or ]": ", or ] is wanted",
  ", or }": ", or } is wanted",
  end: "there is more after the value",
};

const space = /[ \t\n\r]*/y;
const token =
  /[{}[\]:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y; // eslint-disable-line no-control-regex -- strings of JSON have none

/**
 * Finds the first place at which a text is no JSON: `JSON.parse` says it in some releases of Node and for some
 * errors only.
 * @returns undefined when the whole text is JSON
 */
export function whereJsonBreaks(text: string): JsonBreak | undefined {
  const open: ("{" | "[")[] = [];
  let wanted: Wanted = "value";
  let at = 0;
  for (;;) {
    at = skip(space, text, at);
    if (at === text.length) break;
    const end = skip(token, text, at);
    const next = text.slice(at, end);
    const after = follow(wanted, next, open);
    if (after === undefined) return breakAt(text, at, problemAt(text, at, wanted));
    wanted = after;
    at = end;
  }
  if (wanted === "end") return undefined;
  return breakAt(text, at, `the file ends here, where ${words[wanted]}`);
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** What is wanted after a token; undefined: it is not what was wanted. Opens and closes what it opens and closes. */
function follow(wanted: Wanted, next: string, open: ("{" | "[")[]): Wanted | undefined {
  switch (wanted) {
    case "value or ]":
      return next === "]" ? close(open) : valueOf(next, open);
    case "value":
      return valueOf(next, open);
    case "key or }":
      if (next === "}") return close(open);
      return next.startsWith('"') ? ":" : undefined;
    case "key":
      return next.startsWith('"') ? ":" : undefined;
    case ":":
      return next === ":" ? "value" : undefined;
    case ", or ]":
      return next === "," ? "value" : next === "]" ? close(open) : undefined;
    case ", or }":
      return next === "," ? "key" : next === "}" ? close(open) : undefined;
    case "end":
      return undefined;
  }
}

function valueOf(next: string, open: ("{" | "[")[]): Wanted | undefined {
  if (next === "{" || next === "[") {
    open.push(next);
    return next === "{" ? "key or }" : "value or ]";
  }
  return next === "" || /^[}\]:,]/.test(next) ? undefined : inside(open);
}

function close(open: ("{" | "[")[]): Wanted {
  open.pop();
  return inside(open);
}

function inside(open: readonly ("{" | "[")[]): Wanted {
  const innermost = open.at(-1);
  if (innermost === undefined) return "end";
  return innermost === "{" ? ", or }" : ", or ]";
}

function problemAt(text: string, at: number, wanted: Wanted): string {
  const takesText = wanted.startsWith("value") || wanted.startsWith("key");
  if (takesText && text[at] === '"') {
    return "the text that begins here does not end, or has a character that must be escaped";
  }
  return words[wanted];
}

function breakAt(text: string, at: number, problem: string): JsonBreak {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, problem };
}
