/**
 * A launcher process for tests that kill or interrupt one: starts the server named by its
 * arguments (binary, version, store directory), prints its process id and address, and
 * stays until it is killed. An interrupt it only acknowledges, like a node that drains.
 */
import * as Effect from "effect/Effect"
import { startNatsServer } from "../../resources/index.ts"

const [binary = "", version = "", storeDir = ""] = process.argv.slice(2)

const stayUp = Effect.gen(function* () {
  const { pid, url } = yield* startNatsServer({ binary, version, storeDir, sync: "default" })
  process.on("SIGINT", () => console.log("interrupted"))
  console.log(JSON.stringify({ pid, url }))
  return yield* Effect.never
})

await Effect.runPromise(Effect.scoped(stayUp))
