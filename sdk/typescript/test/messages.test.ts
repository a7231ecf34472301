import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import type { ClientReadableStream } from "@grpc/grpc-js";
import { messagesOf } from "../src/rpc/messages.js";
import { gate } from "./support/fixtures.js";

/** A call as grpc-js makes it: it may end with an error while messages lie in it. */
class FakeCall extends Readable {
  /** How many messages were asked for beyond what it was given. */
  reads = 0;

  constructor() {
    super({ objectMode: true });
  }

  override _read(): void {
    this.reads += 1;
  }

  give(...messages: readonly number[]): void {
    for (const message of messages) this.push(message);
  }

  /** Ends it, as grpc-js does when a status has come. */
  finish(error?: Error): void {
    this.push(null);
    if (error !== undefined) this.emit("error", error);
  }

  messages(): AsyncGenerator<number, void> {
    return messagesOf(this as unknown as ClientReadableStream<number>);
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function all(messages: AsyncIterable<number>): Promise<number[]> {
  const read: number[] = [];
  for await (const message of messages) read.push(message);
  return read;
}

describe("the messages of a call", () => {
  it("are all of them, in order, to its end", async () => {
    for (const count of [0, 1, 15, 16, 17, 100]) {
      const call = new FakeCall();
      const reading = all(call.messages());
      call.give(...upTo(count));
      call.finish();
      assert.deepEqual(await reading, upTo(count));
    }
  });

  it("are handed over as they come", async () => {
    const call = new FakeCall();
    const messages = call.messages();
    for (const message of upTo(40)) {
      const next = messages.next();
      call.give(message);
      assert.deepEqual(await next, { done: false, value: message });
    }
    call.finish();
    assert.deepEqual(await messages.next(), { done: true, value: undefined });
  });

  it("come before the error with which the call ended, also those that lay unread", async () => {
    for (const count of [0, 1, 16, 20, 40]) {
      const call = new FakeCall();
      const messages = call.messages();
      const read: number[] = [];
      const failure = new Error("unavailable");
      const first = messages.next();
      call.give(...upTo(count));
      call.finish(failure);
      await assert.rejects(async () => {
        for (let next = await first; next.done !== true; next = await messages.next()) {
          read.push(next.value);
        }
      }, failure);
      assert.deepEqual(read, upTo(count));
    }
  });

  it("are not asked for while many lie unread, and are again once they were read", async () => {
    const call = new FakeCall();
    const messages = call.messages();
    const first = messages.next();
    const many = 1_000;
    let given = 0;
    // As a master that sends as long as the stream takes more.
    const fill = (): void => {
      while (given < many && call.push(given)) given += 1;
      given = Math.min(many, given + 1);
    };
    call._read = fill;
    call.read(0);
    assert.deepEqual(await first, { done: false, value: 0 });
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.ok(given < 100, `${given} messages lie unread`);
    const read = [0];
    while (read.length < many) {
      const next = await messages.next();
      assert.ok(next.done !== true);
      read.push(next.value);
    }
    assert.deepEqual(read, upTo(many));
  });

  it("may be left before their end: what comes then is kept by nobody, and its error throws nowhere", async () => {
    const call = new FakeCall();
    const messages = call.messages();
    const first = messages.next();
    call.give(1, 2, 3);
    assert.deepEqual(await first, { done: false, value: 1 });
    assert.deepEqual(await messages.return(), { done: true, value: undefined });
    assert.deepEqual(await messages.next(), { done: true, value: undefined });
    call.finish(new Error("cancelled"));
  });

  it("wait for one that takes its time", async () => {
    const call = new FakeCall();
    const { open, passed } = gate();
    const read: number[] = [];
    const reading = (async () => {
      for await (const message of call.messages()) {
        if (read.push(message) === 1) await passed;
      }
    })();
    call.give(...upTo(50));
    call.finish();
    await new Promise(setImmediate);
    assert.deepEqual(read, [0]);
    const ended = once(call, "end");
    open();
    await Promise.all([reading, ended]);
    assert.deepEqual(read, upTo(50));
  });
});
