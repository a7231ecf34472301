import assert from "node:assert/strict";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { once } from "node:events";
import {
  CapstanError,
  Client,
  DeadlineExceededError,
  InvalidArgumentError,
  UnavailableError,
  Worker,
  type ConnectionNews,
  type WorkerOptions,
} from "../src/index.js";
import { Reachability, sayOnStderr } from "../src/reachability.js";
import { drained, Fixtures, gate } from "./support/fixtures.js";

const fixtures = new Fixtures();
afterEach(() => fixtures.close());

const unreachable = new UnavailableError("no master answers at a:1: no", { code: "UNAVAILABLE" });

describe("a worker whose master is away", () => {
  it("says once that it cannot reach it, however often it tries, and once that it is back", async () => {
    const master = await fixtures.master();
    const news: ConnectionNews[] = [];
    const worker = fixtures.worker(master, { onConnection: (one) => news.push(one) });
    worker.handle("t", () => undefined);
    master.refuse(true);
    const tries = gate();
    let failed = 0;
    worker.on("disconnected", () => {
      failed += 1;
      if (failed === 4) tries.open();
    });
    void worker.run();
    await tries.passed;
    assert.deepEqual(
      news.map(({ state, address }) => [state, address]),
      [["unreachable", master.address]],
    );
    const connected = worker.once("connected");
    master.refuse(false);
    await master.registered();
    await connected;
    assert.deepEqual(
      news.map(({ state, address }) => [state, address]),
      [
        ["unreachable", master.address],
        ["reached", master.address],
      ],
    );
  });

  it("says nothing of a session that broke when the next one stands at once", async () => {
    const master = await fixtures.master();
    const news: ConnectionNews[] = [];
    const worker = fixtures.worker(master, { onConnection: (one) => news.push(one) });
    worker.handle("t", () => undefined);
    void worker.run();
    for (let breaks = 0; breaks < 2; breaks++) {
      const connected = worker.once("connected");
      await master.registered();
      await connected;
      const disconnected = worker.once("disconnected");
      master.reset();
      await disconnected;
    }
    assert.deepEqual(news, []);
  });

  it("is told of only when each of its addresses has had a turn", () => {
    const news: ConnectionNews[] = [];
    const reachability = new Reachability(["a:1", "b:1"], (one) => news.push(one));
    reachability.failed(unreachable);
    assert.deepEqual(news, []);
    reachability.failed(unreachable);
    assert.deepEqual(news, [{ state: "unreachable", address: "a:1,b:1", error: unreachable }]);
  });

  it("says it on stderr where nobody asked to hear it", () => {
    const lines: string[] = [];
    const stderr = { write: (line: string) => lines.push(line) };
    sayOnStderr({ state: "unreachable", address: "a:1", error: unreachable }, stderr);
    sayOnStderr({ state: "reached", address: "a:1" }, stderr);
    assert.deepEqual(lines, [
      "capstan: cannot reach the master at a:1, trying again (no)\n",
      "capstan: reached the master at a:1 again\n",
    ]);
  });
});

describe("a call of a client", () => {
  it("whose master is away fails with an UnavailableError that names the address, in plain words", async () => {
    const address = await closedPort();
    const client = new Client({ address, retryForMs: 0 });
    fixtures.after(() => client.close());
    const called = [() => client.getJob("job_1"), () => client.submit(job)];
    for (const call of called) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof UnavailableError);
        assert.equal(
          error.message,
          `no master answers at ${address}: connect ECONNREFUSED ${address}`,
        );
        assert.equal(error.metadata["address"], address);
        return true;
      });
    }
  });

  it("that nobody answers fails after its deadline with an error that names the address", async () => {
    const never = (): Promise<Buffer> => new Promise(() => undefined);
    const master = await fixtures.master({ "/capstan.v1.MasterService/GetJob": never });
    const client = new Client({ address: master.address, retryForMs: 0, callTimeoutMs: 30 });
    fixtures.after(() => client.close());
    await assert.rejects(client.getJob("job_1"), (error) => {
      assert.ok(error instanceof DeadlineExceededError);
      assert.equal(error.message, `the master at ${master.address} did not answer within 30 ms`);
      return true;
    });
  });

  it("that waits for ever says once that it cannot reach the master", async () => {
    const address = await closedPort();
    const told = gate<ConnectionNews>();
    const client = new Client({ address, onConnection: told.open });
    fixtures.after(() => client.close());
    const stop = new AbortController();
    const watch = drained(client.watch("job_1", { signal: stop.signal }));
    const news = await told.passed;
    stop.abort();
    await assert.rejects(watch, { name: "AbortError" });
    assert.deepEqual([news.state, news.address], ["unreachable", address]);
  });
});

describe("another service at the address", () => {
  const html = (_request: unknown, response: { end(text: string): unknown }) => response.end("hi");
  const listen = async (server: net.Server): Promise<string> => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    fixtures.after(() => server.close());
    return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  };
  const services: readonly [name: string, start: () => Promise<string>][] = [
    ["a server of HTTP/1", () => listen(http.createServer(html))],
    [
      "a server of pages by HTTP/2",
      () =>
        listen(
          http2.createServer((_request, response) => {
            response.writeHead(404, { "content-type": "text/html" }).end("no");
          }),
        ),
    ],
    [
      "a server that speaks first",
      () => listen(net.createServer((socket) => socket.write("SSH-2.0\r\n"))),
    ],
    ["a server of other gRPC services", async () => (await fixtures.master()).address],
  ];
  for (const [name, start] of services) {
    it(`is told from a master: ${name}`, async () => {
      const address = await start();
      const client = new Client({ address, retryForMs: 0, onConnection: () => undefined });
      fixtures.after(() => client.close());
      await assert.rejects(client.listJobs(), (error) => {
        assert.ok(error instanceof CapstanError);
        assert.equal(error.reason, "NOT_A_MASTER");
        assert.ok(error.message.startsWith(`what answers at ${address} is no Capstan master: `));
        return true;
      });
    });
  }

  it("is what a worker says of its address, once", async () => {
    const address = await listen(http.createServer(html));
    const told = gate<ConnectionNews>();
    const worker = new Worker({ address, onConnection: told.open, onDrain: () => undefined });
    worker.handle("t", () => undefined);
    const run = worker.run();
    const news = await told.passed;
    let said = "";
    sayOnStderr(news, { write: (text) => void (said += text) });
    const why = "is no Capstan master: Protocol error";
    assert.equal(said, `capstan: cannot reach the master at ${address}, trying again (${why})\n`);
    await worker.drain();
    await run;
  });
});

describe("an option that cannot be used", () => {
  const cases: readonly [keyof WorkerOptions, WorkerOptions][] = [
    ["address", { address: "nowhere" }],
    ["prefetchTasks", { prefetchTasks: -1 }],
    ["resources", { slots: -1 }],
    ["slots", { slots: 0 }],
    ["resources", { resources: { slots: 0, cpu: 0 } }],
  ];
  for (const [name, options] of cases) {
    it(`is an InvalidArgumentError that names \`${name}\`, thrown where the program gave it`, () => {
      assert.throws(
        () => new Worker(options),
        (error) => {
          assert.ok(error instanceof InvalidArgumentError && error instanceof CapstanError);
          assert.deepEqual(
            error.violations.map(({ field }) => field),
            [name],
          );
          const [, first = ""] = error.stack?.match(/\n {4}at (.*)/) ?? [];
          assert.match(first, /reachability\.test\./);
          return true;
        },
      );
    });
  }

  it("is told by a client in the same way", () => {
    assert.throws(
      () => new Client({ address: "nowhere" }),
      (error) => error instanceof InvalidArgumentError && error.violations[0]?.field === "address",
    );
  });
});

const job = { name: "j", stages: [{ taskType: "t", tasks: [{}] }] };

/** An address where nobody listens. */
async function closedPort(): Promise<string> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}
