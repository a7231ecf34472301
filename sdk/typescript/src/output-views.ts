/** Where the bytes of a partition lie when they are kept elsewhere. */
export interface PartitionReference {
  /** Where to read it. At most 2,048 bytes. */
  readonly uri: string;
  /** How large it is. Bytes; 0 means unknown. */
  readonly sizeBytes: number;
  /** The hosts that hold it: they become the locality of the task that reads it. At most 16. */
  readonly hosts: readonly string[];
}

/** One partition that one attempt of a task put out. */
export interface TaskOutput {
  /** The task's index in the stage. */
  readonly taskIndex: number;
  /** The attempt. */
  readonly attempt: number;
  /** The generation. */
  readonly generation: number;
  /** The partition, from 0. */
  readonly partition: number;
  /** Its bytes; empty when it is a reference. */
  readonly bytes: Uint8Array;
  /** Where it lies, when it is kept elsewhere. */
  readonly reference?: PartitionReference;
  /**
   * Its bytes through the codec; `undefined` when there are none.
   * @throws InvalidPayloadError when the codec cannot decode them
   */
  value<T = unknown>(): T;
}
