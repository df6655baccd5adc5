/** Which version of the product this is, as it tells others. */
import { readFileSync } from "node:fs"

let version: string | undefined

/** Read once, and not before somebody asks. */
export const productVersion = (): string => {
  version ??= (
    JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      readonly version: string
    }
  ).version
  return version
}
