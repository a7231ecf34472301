import type { Page } from "@capstan/sdk";
import type { Session, Side } from "../session.js";
import type { OutputFormat } from "./formats.js";
import { number } from "./human.js";
import { plain, serialize } from "./plain.js";

/** How a list is read and shown. */
export interface Listing<Item> {
  /** Reads a page. */
  readonly read: (page: {
    readonly pageSize: number;
    readonly pageToken?: string;
  }) => Promise<Page<Item>>;
  /** The table of some items, at least one. */
  readonly table: (items: readonly Item[]) => string;
  /** What to say when there is none: `no jobs in namespace default`. */
  readonly none: string;
  /** The most items to show; 0 means all; unset: all for programs, a screenful or two for people. */
  readonly limit: number | undefined;
}

const mostInTable = 100;
const largestPage = 1_000;

/** Writes a list in the format asked for, page by page where the format allows. */
export async function writeList<Item>(session: Session, listing: Listing<Item>): Promise<void> {
  const format = session.settings.output;
  const limit = limitOf(listing.limit, format);
  const { out, err } = session;
  await writeItems(take(listing, limit, session), { ...listing, format, out, err });
}

/** How items are shown, and where. */
interface Shown<Item> extends Pick<Listing<Item>, "table" | "none"> {
  readonly format: OutputFormat;
  readonly out: Side;
  readonly err: Side;
}

/** Writes items in a format, as they come where it allows that. */
export async function writeItems<Item>(
  items: AsyncIterable<Item>,
  { format, out, err, table, none }: Shown<Item>,
): Promise<void> {
  if (format === "jsonl") {
    for await (const item of items) await out.write(await serialize(item, format));
    return;
  }
  if (format === "json") return writeArray(out, items);
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  if (format === "yaml") return out.write(await serialize(all, format));
  if (all.length === 0) err.line(none);
  else out.line(table(all));
}

/** @returns how many items to show; usually all for programs, a screenful or two for people */
export function limitOf(asked: number | undefined, format: OutputFormat): number {
  const usual = format === "table" ? mostInTable : Infinity;
  return asked === 0 ? Infinity : (asked ?? usual);
}

async function* take<Item>(
  listing: Listing<Item>,
  limit: number,
  session: Session,
): AsyncGenerator<Item> {
  let taken = 0;
  let pageToken: string | undefined;
  do {
    const pageSize = Math.min(largestPage, limit - taken + 1);
    const page = await listing.read({
      pageSize,
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    for (const item of page.items) {
      if (taken === limit) return tellOfMore(session, limit);
      taken += 1;
      yield item;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
}

function tellOfMore(session: Session, limit: number): void {
  const { err } = session;
  const these = limit === 1 ? "this 1" : `these ${number(limit)}`;
  err.line(err.palette.faint(`There are more than ${these}: --limit 0 lists all.`));
}

/** An array whose items are written as they come, so that a million of them need no memory. */
async function writeArray<Item>(out: Side, items: AsyncIterable<Item>): Promise<void> {
  let first = true;
  for await (const item of items) {
    const text = JSON.stringify(plain(item), undefined, 2).replaceAll("\n", "\n  ");
    await out.write(`${first ? "[" : ","}\n  ${text}`);
    first = false;
  }
  await out.write(first ? "[]\n" : "\n]\n");
}
