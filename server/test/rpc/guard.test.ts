import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Metadata } from "@grpc/grpc-js";
import { descriptorSet } from "@capstan/proto/descriptors.js";
import {
  GetJobRequest,
  ListJobsRequest,
  SubmitJobRequest,
} from "@capstan/proto/capstan/v1/master_service.js";
import {
  ListDeadLettersRequest,
  SubscribeFailuresRequest,
} from "@capstan/proto/capstan/v1/failure_service.js";
import { SetQueueRequest } from "@capstan/proto/capstan/v1/operator_service.js";
import { formatAddress, parseAddress } from "../../src/rpc/address.js";
import type { Role } from "../../src/rpc/auth.js";
import { accessByMethod, authorize, isLoopbackPeer } from "../../src/rpc/auth.js";
import { CallRefusedError } from "../../src/rpc/errors.js";
import { startRpcServer } from "../../src/rpc/server.js";
import { call } from "./support/calls.js";
import { collect, Edge, refusalOf } from "./support/edge.js";

const protos = ["master_service", "failure_service", "operator_service"];
const services = fromBinary(FileDescriptorSetSchema, descriptorSet()).file.flatMap((file) =>
  file.service.map((service) => ({ name: `${file.package}.${service.name}`, service })),
);
const methods = services.flatMap(({ name, service }) =>
  service.method.map((method) => `/${name}/${method.name}`),
);

/** `Role submit.` or `Role read or work.` in the comment above each rpc. */
function documentedRoles(): Map<string, string> {
  const roles = new Map<string, string>();
  for (const file of protos) {
    const url = new URL(`../../../../proto/capstan/v1/${file}.proto`, import.meta.url);
    const text = readFileSync(url, "utf8");
    const service = /^service (\w+)/m.exec(text)?.[1] ?? "";
    for (const [, comment = "", method = ""] of text.matchAll(
      /((?: {2}\/\/.*\n)+) {2}rpc (\w+)/g,
    )) {
      const words = comment.replace(/\s*\/\/\s*/g, " ");
      const role = /Role ([a-z]+(?: or [a-z]+)?)/.exec(words)?.[1] ?? "";
      roles.set(`/capstan.v1.${service}/${method}`, role);
    }
  }
  return roles;
}

describe("who may call what", () => {
  const loopback = { peer: "127.0.0.1:1234", authorization: undefined };
  const stranger = { peer: "10.1.2.3:1234", authorization: undefined };

  it("has a row for every method of every service, and no other", () => {
    assert(methods.length > 40);
    assert.deepEqual(Object.keys(accessByMethod).sort(), [...methods].sort());
  });

  it("says the same as the comments of the contract", () => {
    const documented = documentedRoles();
    for (const method of methods.filter((name) => name.startsWith("/capstan."))) {
      const access = accessByMethod[method] as readonly Role[];
      assert.equal(access.join(" or "), documented.get(method), method);
    }
  });

  it("refuses a method without a row, whoever asks", () => {
    assert.throws(
      () => authorize("/capstan.v1.MasterService/Reboot", loopback, { insecure: true }),
      (error: unknown) => error instanceof CallRefusedError && error.reason === "ROLE_MISSING",
    );
    assert.throws(() => authorize("constructor", loopback, { insecure: true }));
  });

  it("lets anyone on loopback do everything, and a stranger nothing but ask for health", () => {
    for (const method of methods) authorize(method, loopback, { insecure: false });
    authorize("/grpc.health.v1.Health/Check", stranger, { insecure: false });
    for (const method of methods.filter((name) => !name.includes("Health"))) {
      assert.throws(() => authorize(method, stranger, { insecure: false }), CallRefusedError);
      authorize(method, stranger, { insecure: true });
    }
  });

  it("knows its own machine by any of its addresses", () => {
    for (const peer of [
      "127.0.0.1:1",
      "127.1.2.3:1",
      "::1:50000",
      "[::1]:1",
      "::ffff:127.0.0.1:9",
    ]) {
      assert(isLoopbackPeer(peer), peer);
    }
    for (const peer of [
      "10.0.0.1:1",
      "::ffff:10.0.0.1:1",
      "128.0.0.1:1",
      "127.0.0.1.evil:1",
      "fe80::1:1",
    ]) {
      assert(!isLoopbackPeer(peer), peer);
    }
  });
});

describe("where a master listens", () => {
  it("reads host and port, in brackets for IPv6", () => {
    assert.deepEqual(parseAddress("127.0.0.1:7410"), { host: "127.0.0.1", port: 7_410 });
    assert.deepEqual(parseAddress("[::1]:0"), { host: "::1", port: 0 });
    assert.equal(formatAddress({ host: "::1", port: 1 }), "[::1]:1");
    for (const address of [
      "",
      "7410",
      "host",
      "host:",
      "host:70000",
      "::1:7410",
      "http://h:1",
      "h:-1",
    ]) {
      assert.throws(() => parseAddress(address), RangeError, address);
    }
  });

  it("is loopback, unless it is told that the network is its own", async () => {
    const edge = await Edge.start();
    const { engine } = edge;
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    for (const address of ["0.0.0.0:0", "[::]:0", "192.168.1.1:0", "example.com:0"]) {
      await assert.rejects(
        startRpcServer({ engine, log, address }),
        /refusing to listen .*insecure/,
      );
    }
    const open = await startRpcServer({ engine, log, address: "0.0.0.0:0", insecure: true });
    await open.close();
    await edge.close();
  });
});

describe("the guard before every call", () => {
  it("refuses a token while there are none, and says so", async () => {
    const edge = await Edge.start();
    const metadata = new Metadata();
    metadata.set("authorization", "Bearer secret");
    const { master } = edge;
    const refused = await refusalOf(
      call(master, master.listJobs, ListJobsRequest.fromPartial({}), {}, metadata),
    );
    assert.deepEqual([refused.code, refused.reason], ["UNAUTHENTICATED", "TOKEN_INVALID"]);
    await edge.close();
  });

  it("ends a unary call that brought no deadline and takes too long", async () => {
    const edge = await Edge.start({ deadlineMs: 50 });
    edge.engine.read = () => new Promise(() => {});
    const { master } = edge;
    const refused = await refusalOf(call(master, master.listJobs, ListJobsRequest.fromPartial({})));
    assert.deepEqual([refused.code, refused.reason], ["DEADLINE_EXCEEDED", "DEADLINE"]);
    await edge.close();
  });

  it("leaves a caller's own deadline alone", async () => {
    const edge = await Edge.start({ deadlineMs: 10 });
    const { engine, master } = edge;
    const read = engine.read.bind(engine);
    engine.read = async (query) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return read(query);
    };
    const deadline = Date.now() + 20_000;
    await call(master, master.listJobs, ListJobsRequest.fromPartial({}), { deadline });
    await edge.close();
  });

  it("refuses new calls once the master is stopping, with when to come again", async () => {
    const edge = await Edge.start();
    await edge.server.drain();
    const { master } = edge;
    const refused = await refusalOf(call(master, master.listJobs, ListJobsRequest.fromPartial({})));
    assert.deepEqual(
      [refused.code, refused.reason, refused.retryMs],
      ["UNAVAILABLE", "STOPPING", 1_000],
    );
    await edge.close();
  });

  it("answers a bug with INTERNAL and the name of its incident, and logs it whole", async () => {
    const edge = await Edge.start();
    edge.engine.read = () => Promise.reject(new TypeError("secret inside"));
    const { master } = edge;
    const refused = await refusalOf(call(master, master.listJobs, ListJobsRequest.fromPartial({})));
    assert.deepEqual(
      [refused.code, refused.reason, refused.message],
      ["INTERNAL", "INTERNAL", "internal error"],
    );
    const fields = edge.logged[0]?.fields as { err: Error; incident: string };
    assert.equal(fields.incident, refused.facts["incident"]);
    assert.equal(fields.err.message, "secret inside");
    await edge.close();
  });

  it("tells a submitter when the journal's disk is full, and when to try again", async () => {
    const edge = await Edge.start();
    const { master } = edge;
    const request = SubmitJobRequest.fromPartial({
      job: { name: "j", stages: [{ taskType: "noop", tasks: [{}] }] },
    });
    edge.disk.full = true;
    const first = call(master, master.submitJob, request);
    const refused = await refusalOf(untilRefused(() => call(master, master.submitJob, request)));
    assert.deepEqual(
      [refused.code, refused.reason, refused.retryMs],
      ["RESOURCE_EXHAUSTED", "DISK_FULL", 1_000],
    );
    edge.disk.full = false;
    assert.match((await first).jobId, /^job_/);
    await edge.close();
  });

  it("answers what is specified and not there yet with UNIMPLEMENTED, stream or not", async () => {
    const edge = await Edge.start();
    const { failures, operator } = edge;
    const calls = [
      call(operator, operator.setQueue, SetQueueRequest.fromPartial({})),
      call(failures, failures.listDeadLetters, ListDeadLettersRequest.fromPartial({})),
      collect(failures.subscribeFailures(SubscribeFailuresRequest.fromPartial({}))),
    ];
    const refused = await Promise.all(calls.map(refusalOf));
    assert.deepEqual(
      refused.map(({ code, reason, facts }) => [code, reason, facts["method"]]),
      [
        ["UNIMPLEMENTED", "NOT_IMPLEMENTED", "SetQueue"],
        ["UNIMPLEMENTED", "NOT_IMPLEMENTED", "ListDeadLetters"],
        ["UNIMPLEMENTED", "NOT_IMPLEMENTED", "SubscribeFailures"],
      ],
    );
    await edge.close();
  });

  it("keeps a status small enough for any client, however much is wrong", async () => {
    const edge = await Edge.start();
    const { master } = edge;
    const tasks = Array.from({ length: 400 }, () => ({
      inputs: [{ uri: "" }],
      taskType: "ü ".repeat(300),
    }));
    const refused = await refusalOf(
      call(
        master,
        master.submitJob,
        SubmitJobRequest.fromPartial({ job: { name: "j", stages: [{ taskType: "noop", tasks }] } }),
      ),
    );
    assert.equal(refused.reason, "INVALID_FIELD");
    assert(
      refused.fields.length > 10 && refused.fields.length < 100,
      `${refused.fields.length} fields`,
    );
    assert.match(refused.message, /and 99 more/);
    const missing = await refusalOf(
      call(master, master.getJob, GetJobRequest.fromPartial({ jobId: "x".repeat(500_000) })),
    );
    assert.equal(missing.reason, "INVALID_FIELD");
    await edge.close();
  });
});

/** Asks again until it is refused: nobody says when the engine has found out. */
async function untilRefused<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const patience = new Promise<void>((resolve) => setTimeout(resolve, 50));
    await Promise.race([ask(), patience]);
  }
}
