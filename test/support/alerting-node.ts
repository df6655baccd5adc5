/** A node whose alert desk suites tell of alerts, and ask over HTTP. */
import type * as Effect from "effect/Effect"
import { vi } from "vitest"
import { Engine } from "../../engine/index.ts"
import { AlertDeskProtocol, alertDeskKey, type Transition } from "../../schemas/index.ts"
import { fingerprint, transition } from "./alert-desk.ts"
import { startTestNode, type TestNode } from "./node.ts"

export interface Body {
  readonly [field: string]: unknown
}

interface Answered {
  readonly status: number
  readonly tag: string | null
  readonly body: Body & { readonly error?: Body }
}

export interface AlertingNode {
  readonly node: TestNode
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    more?: { readonly token?: string | undefined; readonly headers?: Record<string, string> },
  ) => Promise<Answered>
  readonly take: (...transitions: ReadonlyArray<Transition>) => Promise<unknown>
  readonly alertsOf: (
    query: string,
  ) => Promise<{ readonly alerts: ReadonlyArray<Body>; readonly total: number }>
}

export const startAlertingNode = async (): Promise<AlertingNode> => {
  const node = await startTestNode()
  const call: AlertingNode["call"] = async (method, path, body, more = {}) => {
    const response = await node.request(method, path, { body, ...more })
    const text = await response.text()
    return {
      status: response.status,
      tag: response.headers.get("ETag"),
      body: text === "" ? {} : JSON.parse(text),
    }
  }
  return {
    node,
    call,
    take: (...transitions) =>
      node.run(
        Engine.use((engine) =>
          engine.ask(AlertDeskProtocol, alertDeskKey, { _tag: "Take", transitions }, { tenant: "default" }),
        ) as never as Effect.Effect<unknown>,
      ),
    alertsOf: async (query) => {
      const { body } = await call("GET", `/api/cep/alerts?${query}`)
      return body as never
    },
  }
}

/** Until it holds; the database follows the desk. */
export const until = <A>(read: () => Promise<A>, holds: (value: A) => boolean): Promise<A> =>
  vi.waitUntil(async () => [await read()].find(holds), { timeout: 10_000, interval: 25 }) as Promise<A>

/** Where the alert of the rule `disk` on a host is, and what that rule says of it. */
export const one = (host: string): string => `/api/cep/alerts/${fingerprint(host, "disk")}`
export const alertOn = (
  number: number,
  to: Transition["to"],
  host: string,
  more: Partial<Transition> = {},
): Transition =>
  transition(number, to, { rule: "disk", host, at: Date.now(), ...(more as object), policy: { actions: [] } })
