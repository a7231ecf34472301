// The oldest Node that everything here runs on. Written so that far older Nodes can still parse it.
const oldest = [20, 19];

/** True when `version` (as in `process.versions.node`) is 20.19 or later. */
export function isSupported(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

/** Ends the process with a message a person can act on when Node is too old. */
export function requireNode(version = process.versions.node) {
  if (isSupported(version)) return;
  console.error(
    `Capstan needs Node ${oldest.join(".")} or later; this is Node ${version} (${process.execPath}).`,
  );
  console.error("Install a newer Node and run the same command again.");
  process.exit(1);
}
