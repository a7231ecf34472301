// `npm run -s simulate -- faults --seed N`
import { runBuilt } from "./lib/run-built.mjs";

await runBuilt("server", "server/dist/test/sim/simulate.js", ["--enable-source-maps"]);
