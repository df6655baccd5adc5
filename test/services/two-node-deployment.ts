/** Two nodes over one PostgreSQL and one NATS server, on an empty database of their own, and where their actors are. */
import { randomBytes } from "node:crypto"
import { Address } from "../../engine/index.ts"
import { testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { newDatabase } from "./new-database.ts"

/** Far less than anything is kept without an announcement. */
export const promptMs = 5_000

export interface TwoNodes {
  readonly a: TestNode
  readonly b: TestNode
  readonly stop: () => Promise<void>
}

export const startTwoNodes = async (
  server: string,
  more: Readonly<Record<string, string>> = {},
): Promise<TwoNodes> => {
  const nats = await testNatsServer()
  const { user, pass } = nats.connection
  const settings = {
    DATABASE_URL: await newDatabase(server),
    NATS_URL: nats.url,
    NATS_USER: user,
    NATS_PASSWORD: pass,
    MILLRACE_SECRET_KEYS: `k1:${randomBytes(32).toString("base64")}`,
    ...more,
  }
  const [a, b] = await Promise.all([startTestNode(settings), startTestNode(settings)])
  return {
    a,
    b,
    stop: async () => {
      await Promise.all([a.stop(), b.stop()])
      await nats.stop()
    },
  }
}

interface EngineHealth {
  readonly components: { readonly engine: { readonly partitions: ReadonlyArray<{ readonly state: string }> } }
}

/** Whether the node owns the partition of this actor of the default tenant. */
export const hasActor = async (node: TestNode, kind: string, key: string): Promise<boolean> => {
  const { components } = (await (await node.request("GET", "/health")).json()) as EngineHealth
  const { partitions } = components.engine
  const address = Address.format({ tenant: "default", kind, key })
  return partitions[Address.partitionOf(address, partitions.length)]!.state === "live"
}

/** The first of `name-1`, `name-2`, … whose actor the node owns. */
export const keyAt = async (node: TestNode, kind: string, name: string): Promise<string> => {
  for (let index = 1; ; index++) {
    const key = `${name}-${index}`
    if (await hasActor(node, kind, key)) return key
  }
}
