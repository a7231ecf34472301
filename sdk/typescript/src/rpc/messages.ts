import type { ClientReadableStream } from "@grpc/grpc-js";

/** So many messages may lie unread before the stream is told to wait. */
const unreadMax = 16;

/**
 * The messages of a server stream, with back-pressure, to its end. The stream's own iterator would do the
 * same; for a stream of two messages, of which a client opens one for each job that it waits for, it costs as
 * much as the call.
 *
 * @throws what the call ended with, unless that was OK
 */
export async function* messagesOf<T>(call: ClientReadableStream<T>): AsyncGenerator<T, void> {
  let unread: T[] = [];
  let failure: Error | undefined;
  let hasEnded = false;
  let wake: (() => void) | undefined;
  const stir = (): void => {
    wake?.();
    wake = undefined;
  };
  call.on("data", (message: T) => {
    unread.push(message);
    if (unread.length >= unreadMax) call.pause();
    stir();
  });
  call.on("end", () => {
    hasEnded = true;
    stir();
  });
  // Comes also after the loop has been left: nobody waits for it then.
  call.on("error", (error: Error) => {
    failure = error;
    stir();
  });
  for (;;) {
    while (unread.length > 0) {
      const messages = unread;
      unread = [];
      call.resume();
      yield* messages;
    }
    if (failure !== undefined) {
      // It comes before messages that lie in the stream itself, of which it is not the end.
      while (call.read() !== null);
      if (unread.length === 0) throw failure;
    } else if (hasEnded) {
      return;
    } else {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}
