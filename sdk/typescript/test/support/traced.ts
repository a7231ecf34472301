/**
 * A program that is traced as the README says: it submits a job, and serves as a worker until SIGTERM.
 * Arguments: the address, and `own` for a program that has a tracer provider of its own, and says what that
 * one was told.
 */
import { trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { Client, startTracing, Worker } from "../../src/index.js";

const [address, whose] = process.argv.slice(2);
const own = new InMemorySpanExporter();
if (whose === "own") {
  const spanProcessors = [new SimpleSpanProcessor(own)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
}

const tracing = await startTracing({ serviceName: "story-teller" });
const client = new Client({ address });
await client.submit({ name: "story", stages: [{ taskType: "t", tasks: [{}] }] });
client.close();

const worker = new Worker({ address, workerId: "traced" });
worker.handle("t", () => undefined);
await worker.run();
console.log(own.getFinishedSpans().map(({ name }) => name));
await tracing.shutdown();
// As `capstan` does: what is still on its way to a collector that is away would keep the process.
process.exit();
