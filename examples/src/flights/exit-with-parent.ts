/**
 * Loaded into the master and the workers (`node --import`): however the process that started them ends,
 * also by `kill -9`, they end too. The pipe between the two breaks, and that is the sign.
 */
process.once("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.exit(1), 3_000).unref();
});
// The listener alone would keep a process going that has nothing else to do.
process.channel?.unref();
