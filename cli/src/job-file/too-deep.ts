/**
 * How deep a job file may be nested. Readers call themselves for each level, and YAML's ends the process when the
 * stack does: it has to be known before.
 */
export const depthMax = 500;

/** A text is nested deeper than {@link depthMax}, and where. */
export class TooDeep extends Error {
  constructor(text: string, at: number) {
    const before = text.slice(0, at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    super(`is nested more than ${depthMax} deep: line ${before.length}, column ${column}`);
    this.name = "TooDeep";
  }
}

/**
 * @param text JSON, which was found to be some
 * @throws TooDeep
 */
export function refuseDeepJson(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '"':
        at = endOfText(text, at);
        break;
      case "[":
      case "{":
        depth += 1;
        if (depth > depthMax) throw new TooDeep(text, at);
        break;
      case "]":
      case "}":
        depth -= 1;
    }
  }
}

/** @returns where the quote is that ends the text in quotes */
function endOfText(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
