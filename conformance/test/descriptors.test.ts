import assert from "node:assert/strict";
import { createFileRegistry, fromBinary, type FileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, type FileDescriptorSet } from "@bufbuild/protobuf/wkt";
import { descriptorSet } from "@capstan/proto/descriptors.js";

const services = [
  "capstan.v1.FailureService",
  "capstan.v1.MasterService",
  "capstan.v1.OperatorService",
  "grpc.health.v1.Health",
];

/** Types that travel as bytes inside others, so that no import of the contract pulls them in. */
const carried = [
  "google.rpc.Status",
  "google.rpc.ErrorInfo",
  "google.rpc.BadRequest",
  "google.rpc.RetryInfo",
];

describe("the descriptor set", () => {
  let set: FileDescriptorSet;
  let registry: FileRegistry;

  before(() => {
    set = fromBinary(FileDescriptorSetSchema, descriptorSet());
    registry = createFileRegistry(set);
  });

  it("holds every file that its files import, each before it is needed", () => {
    const seen = new Set<string>();
    for (const file of set.file) {
      const missing = file.dependency.filter((name) => !seen.has(name));
      assert.deepEqual(missing, [], `${file.name} needs what has not come yet`);
      seen.add(file.name);
    }
  });

  it("has the services that a stranger may call", () => {
    for (const name of services) assert.ok(registry.getService(name), `${name} is missing`);
  });

  it("has the types in which errors travel", () => {
    for (const name of carried) assert.ok(registry.getMessage(name), `${name} is missing`);
  });

  it("carries no comments, which would only make it larger", () => {
    assert.deepEqual(
      set.file.filter((file) => file.sourceCodeInfo !== undefined).map((file) => file.name),
      [],
    );
  });

  it("gives every enum of the contract a zero that means nothing was said", () => {
    const enums = [...registry].filter(
      (type) => type.kind === "enum" && type.typeName.startsWith("capstan."),
    );
    assert.ok(enums.length > 0);
    for (const type of enums) {
      assert.ok(type.kind === "enum");
      const zero = type.values.find((value) => value.number === 0);
      assert.match(zero?.name ?? "", /_UNSPECIFIED$/, type.typeName);
    }
  });
});
