import { parse } from "yaml";
import { z } from "zod";
import { CliError, lines } from "./errors.js";
import { describeIssues } from "./job-file/describe-issues.js";
import { outputFormats } from "./output/formats.js";

const profile = z.strictObject({
  address: z.string().optional(),
  namespace: z.string().optional(),
  output: z.enum(outputFormats).optional(),
  color: z.enum(["auto", "always", "never"]).optional(),
  commandTimeout: z.string().optional(),
});

const configuration = z.strictObject({ profiles: z.record(z.string(), profile).optional() });

/** Settings by the name of their profile. */
export type Profiles = Readonly<Record<string, z.infer<typeof profile>>>;

/**
 * The profiles of a configuration file.
 * @throws CliError that names the file and what is wrong in it
 */
export function parseProfiles(text: string, path: string): Profiles {
  const checked = configuration.safeParse(contentOf(text, path));
  if (checked.success) return checked.data.profiles ?? {};
  throw new CliError(lines(`${path} is no configuration`, describeIssues(checked.error)));
}

function contentOf(text: string, path: string): unknown {
  try {
    return parse(text) ?? {};
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError(`${path} cannot be read: ${message.trim()}`, { cause: error });
  }
}
