/** Starts the servers that the suites of this folder need, once for all of them, and stops them afterwards. */
import type { TestProject } from "vitest/node"
import { type PostgresServer, startPostgres } from "./postgres-server.ts"
import { obtainPostgres, postgresFolders } from "./postgres-wheel.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Title and address of an empty database each. */
    readonly databases: ReadonlyArray<readonly [title: string, url: string]>
  }
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const given = process.env.TEST_POSTGRES_URL ?? ""
  if (given !== "") {
    project.provide("databases", [["the PostgreSQL of TEST_POSTGRES_URL", given]])
    return async () => {}
  }
  const installation = await obtainPostgres()
  const servers: Array<PostgresServer> = []
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  try {
    const databases: Array<readonly [string, string]> = []
    for (const [version, folder] of Object.entries(postgresFolders)) {
      const server = await startPostgres(installation, folder)
      servers.push(server)
      databases.push([`PostgreSQL ${version}`, server.url])
    }
    project.provide("databases", databases)
    return stop
  } catch (cause) {
    await stop()
    throw cause
  }
}
