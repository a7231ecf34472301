import assert from "node:assert/strict";
import { StageSpec, TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import { AppendTasksRequest } from "@capstan/proto/capstan/v1/master_service.js";
import fc from "fast-check";
import { Arena, TaskChunks, type Chunk } from "../src/client/task-chunks.js";
import { jsonCodec } from "../src/codec.js";
import type { TaskDefinition } from "../src/index.js";
import { MessageWriter } from "../src/rpc/message-writer.js";

const payload = fc.oneof(
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 60 }),
  fc.constantFrom(0, 124, 125, 126, 127, 128, 16_380, 16_384).map((n) => new Uint8Array(n).fill(n)),
  fc.string({ unit: "grapheme" }),
);

const task: fc.Arbitrary<TaskDefinition> = fc.oneof(
  { weight: 4, arbitrary: payload.map((own) => ({ payload: own })) },
  {
    weight: 1,
    arbitrary: payload.map((own) => ({
      payload: own,
      delayMs: 5,
      inputs: [{ uri: "u", hosts: ["h"] }],
    })),
  },
);

const limits = fc.record({
  tasks: fc.integer({ min: 1, max: 8 }),
  bytes: fc.integer({ min: 1, max: 40_000 }),
});

const bytesOf = ({ payload: own }: TaskDefinition): Buffer => {
  if (own === undefined) return Buffer.alloc(0);
  return Buffer.from(own instanceof Uint8Array ? own : JSON.stringify(own));
};

function messageOf(own: TaskDefinition): TaskSpec {
  const inputs = (own.inputs ?? []).map(({ uri, hosts }) => ({ uri, hosts: [...(hosts ?? [])] }));
  const delay = own.delayMs === undefined ? {} : { delayMs: own.delayMs };
  return TaskSpec.fromPartial({ payload: bytesOf(own), inputs, ...delay });
}

function written(chunk: Chunk, field: number): Buffer {
  const writer = new MessageWriter(16);
  writer.text(1, "default");
  const before = writer.length;
  chunk.write(writer, field);
  assert.equal(writer.length - before, chunk.byteLength);
  return Buffer.from(writer.finish());
}

async function* slowly(tasks: readonly TaskDefinition[]): AsyncGenerator<TaskDefinition> {
  for (const own of tasks) {
    await Promise.resolve();
    yield own;
  }
}

describe("tasks on their way into messages", () => {
  it("are each in one chunk, in order, as many at a time as are allowed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(task, { maxLength: 30 }),
        limits,
        fc.boolean(),
        async (tasks, most, isSlow) => {
          const chunks = new TaskChunks(isSlow ? slowly(tasks) : tasks, jsonCodec, new Arena());
          const all: Chunk[] = [];
          while (!chunks.ended) {
            const chunk = await chunks.read(most);
            assert.equal(chunk.firstIndex, all.at(-1)?.nextIndex ?? 0);
            assert.equal(chunk.nextIndex, chunks.nextIndex);
            assert.ok(chunk.count > 0 || chunks.ended, "nothing was read");
            assert.ok(chunk.count <= most.tasks);
            assert.ok(chunk.count <= 1 || chunk.byteLength <= most.bytes);
            all.push(chunk);
          }
          assert.equal(chunks.nextIndex, tasks.length);
          // As what they are in the end, and once more as something else: only a number differs.
          const asAppended = all.flatMap(
            (chunk) => AppendTasksRequest.decode(written(chunk, 5)).tasks,
          );
          const asSubmitted = all.flatMap((chunk) => StageSpec.decode(written(chunk, 7)).tasks);
          assert.deepEqual(asAppended, tasks.map(messageOf));
          assert.deepEqual(asSubmitted, tasks.map(messageOf));
        },
      ),
    );
  });

  it("go on from any index, as a master asks for", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(task, { minLength: 1, maxLength: 10 }),
        fc.nat(12),
        async (tasks, from) => {
          const chunk = await new TaskChunks(tasks, jsonCodec, new Arena()).read({
            tasks: 99,
            bytes: 1e6,
          });
          const rest = chunk.from(Math.min(from, tasks.length));
          assert.equal(rest.nextIndex, tasks.length);
          assert.equal(rest.firstIndex, Math.min(from, tasks.length));
          const { tasks: read } = AppendTasksRequest.decode(written(rest, 5));
          assert.deepEqual(read, tasks.slice(from).map(messageOf));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("are split anywhere, and nothing is left out", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(task, { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 12 }),
        async (tasks, at) => {
          const chunk = await new TaskChunks(tasks, jsonCodec, new Arena()).read({
            tasks: 99,
            bytes: 1e6,
          });
          const first = chunk.upTo(at);
          const rest = chunk.from(first.nextIndex);
          assert.equal(first.count, Math.min(at, tasks.length));
          assert.equal(rest.firstIndex, first.nextIndex);
          const read = [first, rest].flatMap(
            (part) => AppendTasksRequest.decode(written(part, 5)).tasks,
          );
          assert.deepEqual(read, tasks.map(messageOf));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("stay apart from those of other jobs in the same memory, however large it grows", async () => {
    const arena = new Arena();
    const chunks: [Chunk, readonly TaskDefinition[]][] = [];
    for (let job = 0; job < 400; job++) {
      const tasks = [0, 1, 2].map((i) => ({ payload: Buffer.alloc((job * 37 + i) % 3_000, job) }));
      chunks.push([
        await new TaskChunks(tasks, jsonCodec, arena).read({ tasks: 9, bytes: 1e6 }),
        tasks,
      ]);
    }
    for (const [chunk, tasks] of chunks) {
      assert.deepEqual(AppendTasksRequest.decode(written(chunk, 5)).tasks, tasks.map(messageOf));
    }
  });

  it("stay apart when a source of tasks has another job read while it is read itself", async () => {
    const arena = new Arena();
    const inner: Chunk[] = [];
    const innerTasks = [{ payload: Buffer.from("inner") }];
    function* outer(): Generator<TaskDefinition> {
      yield { payload: Buffer.from("first") };
      inner.push(
        new TaskChunks(innerTasks, jsonCodec, arena).read({ tasks: 9, bytes: 1e6 }) as Chunk,
      );
      yield { payload: Buffer.from("second") };
    }
    const chunk = await new TaskChunks(outer(), jsonCodec, arena).read({ tasks: 9, bytes: 1e6 });
    const payloads = (own: Chunk): string[] =>
      AppendTasksRequest.decode(written(own, 5)).tasks.map(({ payload: bytes }) =>
        bytes.toString(),
      );
    assert.deepEqual(payloads(chunk), ["first", "second"]);
    assert.deepEqual(inner.map(payloads), [["inner"]]);
  });

  it("leave no trace of a source that throws", async () => {
    const arena = new Arena();
    function* failing(): Generator<TaskDefinition> {
      yield { payload: Buffer.alloc(100) };
      throw new Error("no more");
    }
    assert.throws(
      () => new TaskChunks(failing(), jsonCodec, arena).read({ tasks: 9, bytes: 1e6 }),
      /no more/,
    );
    const tasks = [{ payload: Buffer.from("next") }];
    const chunk = await new TaskChunks(tasks, jsonCodec, arena).read({ tasks: 9, bytes: 1e6 });
    assert.deepEqual(AppendTasksRequest.decode(written(chunk, 5)).tasks, tasks.map(messageOf));
  });
});
