/**
 * Loaded into a master's process before anything else: fsyncs of files fail for as long as the file that
 * CAPSTAN_TEST_FSYNC_FAILS names is there, in all of its threads.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const flag = process.env["CAPSTAN_TEST_FSYNC_FAILS"];
const { fdatasyncSync } = fs;

fs.fdatasyncSync = (descriptor) => {
  if (flag !== undefined && fs.existsSync(flag)) {
    throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
  }
  fdatasyncSync(descriptor);
};
syncBuiltinESMExports();
