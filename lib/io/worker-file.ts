import { existsSync } from "node:fs";
import { join } from "node:path";
import { directory } from "./here.cjs";

/**
 * The script of a worker thread: the source where the sources run, the compiled script in the package.
 *
 * @param name its path below `lib/`, without extension
 * @returns an absolute path
 */
export function workerFile(name: string): string {
  const source = join(directory, "..", `${name}.ts`);
  return existsSync(source) ? source : join(directory, "..", `${name}.js`);
}
