import { limits } from "../limits.js";

interface Encoder<M> {
  encode(message: M): { finish(): Uint8Array };
}

/** As many items as fit on one page, in order; at least one. */
export function fitPage<V, M>(
  views: readonly V[],
  encode: (view: V) => M,
  type: Encoder<M>,
  bytesMax: number = limits.pageBytes,
): M[] {
  const page: M[] = [];
  let bytes = 0;
  for (const view of views) {
    const message = encode(view);
    bytes += type.encode(message).finish().length + 8;
    if (bytes > bytesMax && page.length > 0) break;
    page.push(message);
  }
  return page;
}
