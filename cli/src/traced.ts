/**
 * Does a command's work with its spans exported, where the standard variables ask for it. They are sent before
 * the command ends, however it does: the process exits right after.
 */
export async function traced<Result>(work: () => Promise<Result>): Promise<Result> {
  // The session has loaded it already; at the top it would weigh on every other command.
  const { startTracing } = await import("@capstan/sdk");
  const tracing = await startTracing({ serviceName: "capstan-cli" });
  try {
    return await work();
  } finally {
    await tracing.shutdown();
  }
}
