/** Starts a master that is not to start, and then has nothing more to do. */
import { startMaster } from "../../src/main.js";

const [directory = "", address = ""] = process.argv.slice(2);
await startMaster({ address, journal: { kind: "file", directory } }).then(
  () => {
    process.stdout.write("it started");
  },
  (error: unknown) => {
    process.stdout.write(String(error));
  },
);
