/** Asks the node on this machine over HTTP, with the token that it left for its operator. */
import * as Effect from "effect/Effect"
import { Failure } from "./failure.ts"
import { readNodeFile } from "./files.ts"

const timeoutMs = 10_000

/** Errors: `Failure` when no node runs here, it does not answer, or answers an error; `accepted` are no errors. */
export const getJson = Effect.fnUntraced(function* <A>(
  path: string,
  environment: NodeJS.ProcessEnv,
  accepted: ReadonlyArray<number> = [200],
): Effect.fn.Return<A, Failure> {
  const node = yield* readNodeFile(environment)
  if (node === undefined)
    return yield* new Failure({ reason: "no node has been started here: there is no node.json" })
  const failed = (detail: unknown) =>
    new Failure({ reason: `the node at ${node.url} did not answer: ${detail}` })
  const response = yield* Effect.tryPromise({
    try: (signal) =>
      fetch(new URL(path, node.url), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: node.token === undefined ? {} : { authorization: `Bearer ${node.token}` },
      }),
    catch: failed,
  })
  if (!accepted.includes(response.status)) return yield* failed(`${response.status} ${response.statusText}`)
  return yield* Effect.tryPromise({ try: () => response.json() as Promise<A>, catch: failed })
})
