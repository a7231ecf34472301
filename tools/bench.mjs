// `npm run -s bench -- NAME --json`
import { runBuilt } from "./lib/run-built.mjs";

await runBuilt("bench", "bench/dist/src/main.js");
