import { readFileSync } from "node:fs";

/** The path of the descriptor set (a serialized google.protobuf.FileDescriptorSet, imports included). */
export const descriptorSetPath = new URL("../../gen/descriptors.binpb", import.meta.url);

/** Reads the descriptor set that server reflection serves. */
export function descriptorSet(): Uint8Array {
  return readFileSync(descriptorSetPath);
}
