import { styleText } from "node:util";
import type { ColorMode } from "../settings.js";
import type { OutputStream, Surroundings } from "../surroundings.js";

/** Colors a text, or leaves it as it is. */
export type Paint = (text: string) => string;

/** The few colors in use, by what they mean. */
export interface Palette {
  readonly enabled: boolean;
  readonly good: Paint;
  readonly bad: Paint;
  readonly busy: Paint;
  readonly warn: Paint;
  readonly faint: Paint;
  readonly strong: Paint;
}

/** Newer versions of Node would ask stdout and the environment; here that is decided already. */
function paint(style: "green" | "red" | "cyan" | "yellow" | "dim" | "bold", text: string): string {
  return styleText(style, text, { validateStream: false });
}

const plain: Paint = (text) => text;

const colorless: Palette = {
  enabled: false,
  good: plain,
  bad: plain,
  busy: plain,
  warn: plain,
  faint: plain,
  strong: plain,
};

const colorful: Palette = {
  enabled: true,
  good: (text) => paint("green", text),
  bad: (text) => paint("red", text),
  busy: (text) => paint("cyan", text),
  warn: (text) => paint("yellow", text),
  faint: (text) => paint("dim", text),
  strong: (text) => paint("bold", text),
};

/** The palette of a stream: a flag decides, then NO_COLOR (https://no-color.org), then the stream. */
export function paletteOf(
  mode: ColorMode,
  stream: OutputStream,
  env: Surroundings["env"],
): Palette {
  if (mode !== "auto") return mode === "always" ? colorful : colorless;
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return stream.isTTY === true && !refused ? colorful : colorless;
}
