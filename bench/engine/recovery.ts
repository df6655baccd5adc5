/** How long a partition takes to come back when its owner died with a long journal tail behind its last checkpoint. */
import * as Effect from "effect/Effect"
import { Address } from "../../engine/index.ts"
import { node, type Server } from "./deployment.ts"

const tail = 200_000
const actors = 10_000
const never = Number.MAX_SAFE_INTEGER

const keysOf = (partitions: number): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (let number = 0; keys.length < actors; number++) {
    const key = `bench/counter/t${number}`
    if (Address.partitionOf(key, partitions) === 0) keys.push(key)
  }
  return keys
}

/** Entries of one partition that no checkpoint covers, by 10,000 actors; the node is gone without a drain. */
const leaveTail = Effect.fnUntraced(function* (server: Server) {
  const { engine } = yield* node(server, {
    limits: { checkpointEveryMs: never, checkpointEntries: never, checkpointMessages: never },
  })
  const keys = keysOf(server.config.partitions)
  yield* Effect.callback<void>((resume) => {
    let issued = 0
    let answered = 0
    const one = () => {
      if (issued === tail) return
      engine.submit(
        keys[issued++ % actors]!,
        1,
        { _tag: "Add", amount: 1 } as never,
        { tenant: "bench" },
        () => {
          answered += 1
          if (answered === tail) resume(Effect.void)
          else one()
        },
      )
    }
    for (let index = 0; index < 4_000; index++) one()
  })
}, Effect.scoped)

export const recovery = Effect.fnUntraced(function* (server: Server) {
  yield* leaveTail(server)
  const started = performance.now()
  yield* Effect.scoped(node(server))
  const elapsed = performance.now() - started
  return {
    entries: tail,
    actors,
    readyMs: Math.round(elapsed),
    entriesPerSecond: Math.round((tail / elapsed) * 1_000),
  }
})
