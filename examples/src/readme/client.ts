// #region client
import { Client, JobFailedError, startTracing } from "@capstan/sdk";

const tracing = await startTracing({ serviceName: "word-count-client" });
const client = new Client({ address: process.env["CAPSTAN_ADDRESS"] ?? "127.0.0.1:7410" });
try {
  const result = await client.runJob({
    name: "count",
    policy: { retry: { maxAttempts: 5 } },
    stages: [
      {
        taskType: "word-count",
        tasks: ["to be or not to be", "that is the question"].map((payload) => ({ payload })),
      },
    ],
  });
  for await (const output of result.outputs()) console.log(output.taskIndex, output.value());
} catch (error) {
  if (!(error instanceof JobFailedError)) throw error;
  for (const { type, message, attempt } of error.failures) console.error(type, message, attempt);
} finally {
  client.close();
  await tracing.shutdown();
}
// #endregion
