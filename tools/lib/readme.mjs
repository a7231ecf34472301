// The fenced blocks of a Markdown page, and what the comments above them ask for (see CONTRIBUTING.md).

/** Languages whose blocks are tested, and those that are only read. */
const tested = new Set(["sh", "ts"]);
const read = new Set(["text", "json", "mermaid", "proto"]);

/**
 * @typedef {{ line: number, language: string, text: string, from?: string, runBy?: string,
 *   expect: string[] }} Block
 */

/**
 * Every block to be tested, in order.
 * @returns {Block[]}
 * @throws when a block is in a language that is neither tested nor known to be only read.
 */
export function blocksOf(markdown) {
  const lines = markdown.split("\n");
  const blocks = [];
  let remarks = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    const remark = /^\s*<!-- (from|run by|expect): (.*?) -->$/.exec(line);
    const fence = /^\s*```(.*)$/.exec(line);
    if (remark !== null) remarks.push({ key: remark[1], value: remark[2] });
    if (fence !== null) {
      const end = lines.findIndex((other, at) => at > index && other.trim() === "```");
      const language = fence[1].trim();
      if (end < 0) throw new Error(`line ${index + 1}: this block does not end`);
      if (tested.has(language)) {
        blocks.push(toBlock(index + 1, language, lines.slice(index + 1, end), remarks));
      } else if (!read.has(language)) {
        throw new Error(`line ${index + 1}: a block must name its language, not '${language}'`);
      }
      index = end;
    }
    if (remark === null && line.trim() !== "") remarks = [];
  }
  return blocks;
}

function toBlock(line, language, body, remarks) {
  const first = (key) => remarks.find((remark) => remark.key === key)?.value;
  const expect = remarks.filter(({ key }) => key === "expect").map(({ value }) => value);
  const text = dedent(body);
  return { line, language, text, from: first("from"), runBy: first("run by"), expect };
}

/**
 * A file's text, or that of the region `name` between `// #region name` and `// #endregion`, without
 * the indentation that all its lines share.
 */
export function regionOf(source, name) {
  const lines = source.trimEnd().split("\n");
  if (name === undefined) return dedent(lines);
  const start = lines.findIndex((line) => line.trim() === `// #region ${name}`);
  if (start < 0) throw new Error(`there is no region '${name}'`);
  const end = lines.findIndex((line, at) => at > start && line.trim() === "// #endregion");
  if (end < 0) throw new Error(`region '${name}' does not end`);
  return dedent(lines.slice(start + 1, end));
}

function dedent(lines) {
  const depths = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const depth = Math.min(...depths, Number.MAX_SAFE_INTEGER);
  return lines
    .map((line) => line.slice(Math.min(depth, line.length)).trimEnd())
    .join("\n")
    .trim();
}
