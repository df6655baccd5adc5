/** What local tools read to reach the node: `node.json` under its home, readable by its owner only. Part of the API. */
import { readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"

export interface NodeFile {
  readonly url: string
  /** The development user's API key; empty where another provider logs people in. */
  readonly apiKey: string
  /** The same, under the name by which tools look for a credential. */
  readonly token: string
}

const nodeFile = (home: string) => join(home, "node.json")

export const readNodeFile = async (home: string): Promise<NodeFile | undefined> => {
  const text = await readFile(nodeFile(home), "utf8").catch(() => undefined)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as NodeFile)
  } catch {
    return undefined
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export const writeNodeFile = async (home: string, node: NodeFile): Promise<void> => {
  const path = nodeFile(home)
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, `${JSON.stringify(node, undefined, 2)}\n`, { mode: 0o600 })
  await rename(draft, path)
}
