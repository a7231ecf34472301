import { run } from "./run.js";
import type { OutputStream } from "./surroundings.js";

const brokenPipe = 141;

// `capstan job list | head -1`: the reader has enough. 141 is what the shell calls an end by SIGPIPE.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(brokenPipe);
    throw error;
  });
}

const code = await run(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal: (signal, listener) => {
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  },
  now: () => Date.now(),
});
// A pipe may still hold what was written: the process ends when it is through.
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit(code);

function flushed(stream: OutputStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
