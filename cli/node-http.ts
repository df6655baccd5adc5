/**
 * Asks the node on this machine over HTTP, with the token or API key in `MILLRACE_TOKEN`, or the one that it left for its
 * operator, which it does only where it logs people in itself.
 */
import * as Effect from "effect/Effect"
import { Failure } from "./failure.ts"
import { readNodeFile } from "./files.ts"

/** A back-test takes longer than a look. */
const timeoutMs = 30_000

interface Request {
  readonly method: string
  readonly path: string
  /** Of the body. */
  readonly type?: string
  readonly body?: string
}

/** What the node says of a request that it refuses, on one line for each problem. */
const refusal = async (response: Response): Promise<string> => {
  const known = (await response.json().catch(() => ({}))) as {
    readonly error?: {
      readonly message?: string
      readonly details?: {
        readonly field?: string
        readonly reason?: string
        readonly problems?: ReadonlyArray<{ field: string; problem: string; remedy: string }>
      }
    }
  }
  const { message = response.statusText, details = {} } = known.error ?? {}
  const { field, reason, problems = [] } = details
  const first = reason === undefined ? message : `${message} ${field ?? ""} ${reason}`
  return [first, ...problems.map((one) => `  ${one.field}: ${one.problem}; ${one.remedy}`)].join("\n")
}

/** Errors: `Failure` when no node runs here, it does not answer, or answers an error; `accepted` are no errors. */
export const askNode = Effect.fnUntraced(function* <A>(
  { method, path, type, body }: Request,
  environment: NodeJS.ProcessEnv,
  accepted: ReadonlyArray<number> = [200, 201, 204],
): Effect.fn.Return<A, Failure> {
  const node = yield* readNodeFile(environment)
  if (node === undefined)
    return yield* new Failure({ reason: "no node has been started here: there is no node.json" })
  const token = environment.MILLRACE_TOKEN || node.token
  const failed = (detail: unknown) =>
    new Failure({ reason: `the node at ${node.url} did not answer: ${detail}` })
  const response = yield* Effect.tryPromise({
    try: (signal) =>
      fetch(new URL(path, node.url), {
        method,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(type === undefined ? {} : { "content-type": type }),
        },
        ...(body === undefined ? {} : { body }),
      }),
    catch: failed,
  })
  if (!accepted.includes(response.status))
    return yield* new Failure({
      reason: `the node answered ${response.status}: ${yield* Effect.promise(() => refusal(response))}`,
    })
  if (response.status === 204) return undefined as A
  return yield* Effect.tryPromise({ try: () => response.json() as Promise<A>, catch: failed })
})

/** The same for what is only read. */
export const getJson = <A>(
  path: string,
  environment: NodeJS.ProcessEnv,
  accepted: ReadonlyArray<number> = [200],
): Effect.Effect<A, Failure> => askNode<A>({ method: "GET", path }, environment, accepted)
