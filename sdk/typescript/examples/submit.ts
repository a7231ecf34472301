// Counts the words of the files given as arguments: one task for each piece of about 64 KiB.
import { Client, inputTasks, JobFailedError, startTracing } from "@capstan/sdk";

const tracing = await startTracing({ serviceName: "count-words-submit" });
const client = new Client({ address: process.env["CAPSTAN_ADDRESS"] });
const files = process.argv.slice(2);

try {
  const result = await client.runJob(
    {
      name: "count-words",
      stages: [
        {
          taskType: "count-words",
          tasks: await inputTasks(files, { targetBytes: 64 * 1024 }),
        },
      ],
      policy: { retry: { maxAttempts: 3 } },
    },
    {
      onProgress: ({ job: { counts, state } }) => {
        console.error(`${state}: ${counts.succeeded} of ${counts.total} tasks`);
      },
    },
  );
  const totals = new Map<string, number>();
  for await (const output of result.outputs()) {
    for (const [word, count] of Object.entries(output.value<Record<string, number>>())) {
      totals.set(word, (totals.get(word) ?? 0) + count);
    }
  }
  const top = [...totals].sort(([, a], [, b]) => b - a).slice(0, 10);
  for (const [word, count] of top) console.log(`${count}\t${word}`);
} catch (error) {
  if (!(error instanceof JobFailedError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  client.close();
  await tracing.shutdown();
}
