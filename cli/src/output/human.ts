import { stripVTControlCharacters } from "node:util";

/** Words for people: lengths, moments, amounts. Programs read `-o json`. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `340 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function length(ms: number): string {
  if (ms < second) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < minute - second / 2) return `${(ms / second).toFixed(ms < 10 * second ? 1 : 0)} s`;
  if (ms < hour - second / 2) return pair(ms, minute, "min", second, "s");
  if (ms < day - minute / 2) return pair(ms, hour, "h", minute, "min");
  return pair(ms, day, "d", hour, "h");
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string) {
  const rounded = Math.round(ms / small) * small;
  const rest = Math.round((rounded % large) / small);
  const head = `${Math.floor(rounded / large)} ${largeName}`;
  return rest === 0 ? head : `${head} ${rest} ${smallName}`;
}

/** `just now`, `40 s ago`, `3 min ago`, `2 days ago`. */
export function ago(at: Date, now: number): string {
  return agoOf(now - at.getTime());
}

/** The same, of a length of time. */
export function agoOf(ms: number): string {
  if (ms < second) return "just now";
  if (ms < minute) return `${Math.floor(ms / second)} s ago`;
  if (ms < hour) return `${Math.floor(ms / minute)} min ago`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h ago`;
  return `${Math.floor(ms / day)} days ago`;
}

/** `2026-03-01 14:05:09 (3 min ago)`, in the local time zone. */
export function moment(at: Date, now: number): string {
  return `${localTime(at)} (${ago(at, now)})`;
}

function localTime(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${clock(at)}`;
}

/** `14:05:09`, in the local time zone. */
export function clock(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `1,200`. */
export function number(amount: number): string {
  return amount.toLocaleString("en-US");
}

/** `1 task`, `3 tasks`, `1,200 tasks`. */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${number(amount)} ${amount === 1 ? one : many}`;
}

/** `17 B`, `3.2 KiB`, `1.0 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

/** `slots 2, memory 512`. */
export function amounts(resources: Readonly<Record<string, number>>): string {
  return Object.entries(resources)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

/** `not_received` as people write it. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** The first line of a text, and a sign where there is more. */
export function firstLine(text: string): string {
  const [first = "", ...rest] = text.split(/\r?\n/);
  return rest.some((line) => line.trim() !== "") ? `${first} …` : first;
}

/** A text in lines of so many columns at most; a word that is longer stays whole. */
export function wrapped(text: string, columns: number): string {
  const width = (line: string) => stripVTControlCharacters(line).length;
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || width(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join("\n");
}

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A text of somebody else's without what would drive the terminal: control characters become `�`. */
export function safe(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(control, "�");
}
