import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { StreamEnd, StreamWriter } from "../../src/rpc/stream-writer.js";

/** A call whose transport takes a message when the test says so. */
class FakeCall extends EventEmitter {
  cancelled = false;
  readonly written: string[] = [];
  #taken: (() => void)[] = [];

  write(message: string, done: () => void): boolean {
    this.written.push(message);
    this.#taken.push(done);
    return false;
  }

  takeAll(): void {
    for (const done of this.#taken.splice(0)) done();
  }
}

const writerTo = (call: FakeCall) =>
  new StreamWriter<string>(call as unknown as ServerWritableStream<unknown, string>);

describe("the end of a stream", () => {
  it("is told once to each who waits for it, and to nobody who has left", () => {
    const end = new StreamEnd();
    const told: string[] = [];
    const left = () => told.push("left");
    end.add(() => told.push("first"));
    end.add(left);
    end.add(() => told.push("second"));
    end.remove(left);
    assert.equal(end.has, false);
    end.reach();
    end.reach();
    assert.deepEqual([end.has, told], [true, ["first", "second"]]);
  });

  it("is never told to those who come after it", () => {
    const end = new StreamEnd();
    end.reach();
    end.add(() => assert.fail("told of an end that was there before"));
    end.reach();
  });

  it("may be told to one who leaves, or comes, while it is told", () => {
    const end = new StreamEnd();
    const told: string[] = [];
    const leaving = () => {
      told.push("leaving");
      end.remove(leaving);
      end.add(() => told.push("too late"));
    };
    end.add(leaving);
    end.add(() => told.push("other"));
    end.reach();
    assert.deepEqual(told, ["leaving", "other"]);
  });
});

describe("the writer of a stream", () => {
  it("goes on when the transport has taken a message", async () => {
    const call = new FakeCall();
    const writer = writerTo(call);
    let hasWritten = false;
    const writing = writer.write("one").then(() => (hasWritten = true));
    await Promise.resolve();
    assert.equal(hasWritten, false);
    call.takeAll();
    await writing;
    assert.deepEqual([call.written, writer.isOver], [["one"], false]);
  });

  for (const event of ["cancelled", "close"]) {
    it(`goes on when nobody reads any more (${event}), and writes nothing after`, async () => {
      const call = new FakeCall();
      const writer = writerTo(call);
      const writing = writer.write("one");
      call.emit(event);
      await writing;
      assert(writer.isOver);
      await writer.write("two");
      call.takeAll();
      assert.deepEqual(call.written, ["one"]);
    });
  }

  it("knows a call that was over before it began", async () => {
    const call = new FakeCall();
    call.cancelled = true;
    const writer = writerTo(call);
    assert(writer.isOver);
    await writer.write("one");
    assert.deepEqual(call.written, []);
  });
});
