import assert from "node:assert/strict";
import { once } from "node:events";
import { credentials } from "@grpc/grpc-js";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { HealthCheckResponse } from "@capstan/proto/grpc/health/v1/health.js";
import {
  HealthCheckResponse_ServingStatus as Serving,
  HealthClient,
} from "@capstan/proto/grpc/health/v1/health.js";
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "@capstan/proto/grpc/reflection/v1/reflection.js";
import { ServerReflectionClient } from "@capstan/proto/grpc/reflection/v1/reflection.js";
import { ServerReflectionClient as V1AlphaClient } from "@capstan/proto/grpc/reflection/v1alpha/reflection.js";
import { call } from "./support/calls.js";
import { Edge, refusalOf } from "./support/edge.js";

describe("health", () => {
  let edge: Edge;
  let health: HealthClient;

  beforeEach(async () => {
    edge = await Edge.start();
    health = new HealthClient(edge.server.address, credentials.createInsecure());
  });

  afterEach(async () => {
    health.close();
    await edge.close();
  });

  it("serves from the first moment, and says NOT_SERVING from drain on", async () => {
    const check = async (service: string) => (await call(health, health.check, { service })).status;
    assert.equal(await check(""), Serving.SERVING);
    assert.equal(await check("capstan.v1.MasterService"), Serving.SERVING);
    assert.equal(
      (await refusalOf(call(health, health.check, { service: "gone" }))).code,
      "NOT_FOUND",
    );
    await edge.server.drain();
    assert.equal(await check(""), Serving.NOT_SERVING);
    const { statuses } = await call(health, health.list, {});
    assert.deepEqual(Object.keys(statuses).sort(), [
      "",
      "capstan.v1.FailureService",
      "capstan.v1.MasterService",
      "capstan.v1.OperatorService",
    ]);
  });

  it("tells its watchers at once and when it changes, of unknown services too", async () => {
    const known = health.watch({ service: "" });
    const unknown = health.watch({ service: "gone" });
    const next = async (stream: typeof known) =>
      ((await once(stream, "data")) as [HealthCheckResponse])[0].status;
    assert.deepEqual(await Promise.all([next(known), next(unknown)]), [
      Serving.SERVING,
      Serving.SERVICE_UNKNOWN,
    ]);
    const changed = next(known);
    await edge.server.drain();
    assert.equal(await changed, Serving.NOT_SERVING);
    for (const stream of [known, unknown]) {
      stream.on("error", () => {});
      stream.cancel();
    }
  });
});

describe("reflection", () => {
  let edge: Edge;

  before(async () => {
    edge = await Edge.start();
  });

  after(() => edge.close());

  const clients = { v1: ServerReflectionClient, v1alpha: V1AlphaClient };

  for (const [version, Client] of Object.entries(clients)) {
    describe(version, () => {
      async function ask(
        ...asked: NonNullable<ServerReflectionRequest["messageRequest"]>[]
      ): Promise<NonNullable<ServerReflectionResponse["messageResponse"]>[]> {
        const client = new Client(edge.server.address, credentials.createInsecure());
        const stream = client.serverReflectionInfo();
        const answers: NonNullable<ServerReflectionResponse["messageResponse"]>[] = [];
        stream.on("data", ({ messageResponse }: ServerReflectionResponse) => {
          if (messageResponse !== undefined) answers.push(messageResponse);
        });
        for (const messageRequest of asked) stream.write({ host: "", messageRequest });
        stream.end();
        await once(stream, "end");
        client.close();
        return answers;
      }

      async function filesWith(symbol: string): Promise<string[]> {
        const [answer] = await ask({ $case: "fileContainingSymbol", value: symbol });
        assert(answer?.$case === "fileDescriptorResponse", `${symbol} was not found`);
        return answer.value.fileDescriptorProto.map(
          (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
        );
      }

      it("lists what is served", async () => {
        const [answer] = await ask({ $case: "listServices", value: "*" });
        assert(answer?.$case === "listServicesResponse");
        assert.deepEqual(
          answer.value.service.map(({ name }) => name),
          [
            "capstan.v1.MasterService",
            "capstan.v1.FailureService",
            "capstan.v1.OperatorService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
          ],
        );
      });

      it("finds every sort of symbol, with all that its file needs", async () => {
        for (const symbol of [
          "capstan.v1.MasterService",
          "capstan.v1.MasterService.SubmitJob",
          "capstan.v1.SubmitJobRequest",
          "capstan.v1.SubmitJobRequest.job",
          "capstan.v1.WatchMode",
          "capstan.v1.WATCH_MODE_EVENTS",
          "capstan.v1.JobSpec.LabelsEntry",
        ]) {
          const files = await filesWith(symbol);
          assert(files[0]?.startsWith("capstan/v1/"), symbol);
          assert(files.includes("capstan/v1/policy.proto"), symbol);
        }
        assert((await filesWith("capstan.v1.SubmitJobResult")).includes("google/rpc/status.proto"));
        assert.deepEqual(await filesWith("google.protobuf.Timestamp"), [
          "google/protobuf/timestamp.proto",
        ]);
        assert.deepEqual(await filesWith("grpc.health.v1.Health"), ["grpc/health/v1/health.proto"]);
      });

      it("gives files by name, and says what it does not have, one answer for each question", async () => {
        const answers = await ask(
          { $case: "fileByFilename", value: "capstan/v1/job.proto" },
          { $case: "fileByFilename", value: "gone.proto" },
          { $case: "fileContainingSymbol", value: "gone.Gone" },
          {
            $case: "fileContainingExtension",
            value: { containingType: "capstan.v1.Job", extensionNumber: 1 },
          },
          { $case: "allExtensionNumbersOfType", value: "capstan.v1.Job" },
        );
        assert.deepEqual(
          answers.map(({ $case }) => $case),
          [
            "fileDescriptorResponse",
            "errorResponse",
            "errorResponse",
            "errorResponse",
            "allExtensionNumbersResponse",
          ],
        );
      });
    });
  }
});
