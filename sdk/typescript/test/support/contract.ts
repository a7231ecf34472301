import { BinaryWriter } from "@bufbuild/protobuf/wire";

export { HeldState, RecallReason, ReturnReason } from "@capstan/proto/capstan/v1/session.js";

/** Frames that no version of the contract has. */
export const PullTasksResponseLike = {
  /** One message with arm 99, and a field 98 beside it. */
  unknownArm(): Uint8Array {
    const message = new BinaryWriter();
    message.uint32((99 << 3) | 2).bytes(new Uint8Array(3));
    const frame = new BinaryWriter();
    frame.uint32((1 << 3) | 2).bytes(message.finish());
    frame.uint32((98 << 3) | 2).bytes(new Uint8Array(5));
    return frame.finish();
  },

  /** One message with no arm at all. */
  noArm(): Uint8Array {
    return new BinaryWriter()
      .uint32((1 << 3) | 2)
      .bytes(new Uint8Array(0))
      .finish();
  },
};
