/**
 * What the stream bounds beside the table of the whole edge (`rpc/limits.ts`). The comments of
 * session.proto and failure.proto say the same. Bytes, unless a name says otherwise.
 */
export const sessionLimits = {
  frameBytes: 1_048_576,
  features: 32,
  sdkBytes: 63,
  incarnationBytes: 64,
  sessionNameBytes: 64,
  namespaces: 64,
  taskTypes: 64,
  hooks: 16,
  prefetchTasks: 1_024,
  /** Tokens of one message, leases of a held list, and the largest credit. */
  tokens: 4_096,
  creditTasks: 4_096,
  /** What `Credit.max_bytes` means where it is unset. */
  creditBytesDefault: 67_108_864,
  checkpointBytes: 65_536,
  noteBytes: 1_024,
  /** Outputs of a task, all partitions together, as encoded. */
  outputsBytes: 262_144,
  partitions: 4_096,
  /** A failure as it is reported; what is beyond is refused. */
  reportBytes: 131_072,
  /** A failure as it is kept; what is beyond is trimmed. */
  failureBytes: 65_536,
  failureMessageBytes: 8_192,
  failureStackBytes: 32_768,
  causes: 16,
  causeMessageBytes: 4_096,
  causeStackBytes: 16_384,
  /** The stack of a previous failure, as a worker gets it to read. */
  previousStackBytes: 8_192,
  /** What the core keeps of a failure's message beside the whole. */
  factsMessageBytes: 1_024,
  recordIndexes: 1_000,
  recordCount: 1_000_000,
  retryInMs: 86_400_000,
  /** A token that is no token is quoted back so far. */
  quotedTokenBytes: 64,
} as const;
