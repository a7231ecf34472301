import { fileURLToPath } from "node:url";

/** Where golden files lie: beside this source, also when it runs compiled from dist/test. */
export const goldenFolder = fileURLToPath(
  new URL("../../../../test/journal/golden/", import.meta.url),
);
