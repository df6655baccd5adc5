/** The typed client, for the node that runs here. */
import { type NodeFile, readNodeFile } from "../auth/node-file.ts"
import { type MillraceClient, millraceClient } from "../client/client.ts"

export class NoNode extends Error {}

const isAnswering = ({ url }: NodeFile): Promise<boolean> =>
  fetch(`${url}/health`).then(
    () => true,
    () => false,
  )

/** Errors: `NoNode` when none runs here. */
export const openNodeClient = async (home: string): Promise<MillraceClient> => {
  const node = await readNodeFile(home)
  if (node === undefined) throw new NoNode(`there is no ${home}/node.json: run npm start first`)
  if (!(await isAnswering(node))) throw new NoNode(`no node answers at ${node.url}: run npm start first`)
  return millraceClient({ baseUrl: node.url, credential: node.token })
}
