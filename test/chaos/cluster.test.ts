/** The deployment that survives a machine: three servers with three copies, of which one is killed under load. */
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, it } from "vitest"
import { type TestNatsCluster, testNatsCluster } from "../support/nats.ts"
import type { ChaosConnection } from "./config.ts"
import { Nodes } from "./nodes.ts"
import { underLoad, verify } from "./run.ts"

let cluster: TestNatsCluster
let nodes: Nodes
let connection: ChaosConnection

beforeAll(async () => {
  cluster = await testNatsCluster()
  connection = { ...cluster.connection, replicas: 3 }
  nodes = new Nodes(connection)
  await nodes.start()
  await nodes.start()
})

afterAll(async () => {
  await nodes?.killAll()
  await cluster?.stop()
})

const killOne = Effect.gen(function* () {
  yield* Effect.sleep(4_000)
  yield* Effect.promise(() => cluster.members[0]!.kill("SIGKILL"))
  yield* Effect.sleep(15_000)
})

it("loses nothing accepted when one of three servers is killed under load", {
  timeout: 240_000,
}, async () => {
  const run = await Effect.runPromise(underLoad(connection, true, killOne))
  verify(run)
  console.info(`one of three servers killed: ${run.load.accepted.size} transfers`)
})
