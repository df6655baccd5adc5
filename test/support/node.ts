/** A whole node in this process, for suites: on a NATS server and a database of its own, under a home that goes away. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { GatewayNeeds } from "../../gateway/index.ts"
import { startNode } from "../../runtime.ts"
import { readSettings } from "../../settings.ts"
import { temporaryDataDirectory } from "./database.ts"
import { type LoginAs, logIn } from "./login.ts"
import { testNatsServer } from "./nats.ts"

export interface TestNode {
  readonly home: string
  readonly url: string
  readonly token: string
  readonly apiKey: string
  /** Logs in through the development issuer; gives an access token. */
  readonly login: (username: string, as?: LoginAs) => Promise<string>
  /** An API key of the token's user with these scopes only. */
  readonly narrow: (token: string, scopes: ReadonlyArray<string>) => Promise<string>
  /** Runs on the node's own services. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, GatewayNeeds>) => Promise<A>
  /** As the development user unless `token` says otherwise; `body` is sent as JSON unless it is text. */
  readonly request: (
    method: string,
    path: string,
    options?: {
      readonly body?: unknown
      readonly token?: string | undefined
      readonly headers?: Readonly<Record<string, string>>
      readonly signal?: AbortSignal
    },
  ) => Promise<Response>
  readonly stop: () => Promise<void>
}

/**
 * `more`: settings by the names of their variables. A node on another's server, by `NATS_URL`, or on a database that
 * `DATABASE_URL` names leaves them to whoever started them; a start that fails leaves nothing behind.
 */
export const startTestNode = async (more: Readonly<Record<string, string>> = {}): Promise<TestNode> => {
  const nats = more.NATS_URL === undefined ? await testNatsServer() : undefined
  const home = await mkdtemp(join(tmpdir(), "millrace-node-"))
  const scope = Effect.runSync(Scope.make())
  const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runPromise(Effect.provideService(effect, Scope.Scope, scope))
  const stop = async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await nats?.stop()
    await rm(home, { recursive: true, force: true })
  }
  const database =
    more.DATABASE_URL === undefined ? { DATABASE_DIRECTORY: await inScope(temporaryDataDirectory) } : {}
  const server =
    nats === undefined
      ? {}
      : { NATS_URL: nats.url, NATS_USER: nats.connection.user, NATS_PASSWORD: nats.connection.pass }
  const settings = readSettings({
    MILLRACE_HOME: home,
    ...server,
    ...database,
    MILLRACE_STORAGE_GIB: "1",
    // Suites send as fast as they can, all from one address; those about limits set them.
    MILLRACE_RATE_LIMITS: "off",
    MILLRACE_ADMINS: "developer,stranger",
    PORT: "0",
    ...more,
  })
  // A port of 0 is any free one, which `readSettings` takes from a person as well.
  const { node, services } = await inScope(startNode(settings, () => Effect.void)).catch(
    async (cause: unknown) => {
      await stop()
      throw cause
    },
  )
  const { url, token: nodeToken, apiKey } = node
  const request: TestNode["request"] = (method, path, options = {}) => {
    const { body, token = nodeToken, headers = {}, signal } = options
    return fetch(url + path, {
      method,
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
  }
  return {
    home,
    url,
    apiKey,
    token: nodeToken,
    request,
    login: async (username, as) => (await logIn(url, username, as)).token,
    narrow: async (token, scopes) => {
      const body = { name: "narrow", scopes }
      const response = await request("POST", "/api/users/me/api-keys/", { token, body })
      if (response.status !== 201) throw new Error(`no key: ${response.status} ${await response.text()}`)
      return ((await response.json()) as { readonly key: string }).key
    },
    run: (effect) => Effect.runPromise(Effect.provide(effect, services)),
    stop,
  }
}
