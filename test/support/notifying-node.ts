/** A node with receivers beside it, for suites about channels: what is set up, told, and what became of it. */
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import { Engine } from "../../engine/index.ts"
import { type AlertAction, actionsKey, type Notification, NotificationProtocol } from "../../schemas/index.ts"
import { startTestNode, type TestNode } from "./node.ts"
import { type ScriptedServer, startScriptedServer } from "./scripted-server.ts"
import { type SmtpServer, startSmtpServer } from "./smtp-server.ts"

export const area = "/api/cep/notifications"
const tenant = "default"

export interface Delivery {
  readonly id: string
  readonly channel?: string
  readonly status: string
  readonly attempts: number
  readonly detail?: string
}

export interface NotifyingNode {
  readonly node: TestNode
  readonly receiver: ScriptedServer
  readonly smtp: SmtpServer
  readonly put: (id: string, settings: unknown, more?: object) => Promise<Response>
  /** What is under a path of the area. */
  readonly read: (path: string) => Promise<Record<string, unknown>>
  readonly deliveries: (path: string) => Promise<ReadonlyArray<Delivery>>
  readonly test: (channel: string) => Promise<Delivery>
  readonly deliver: (channel: string, notification: Notification) => Promise<unknown>
  readonly act: (action: AlertAction) => Promise<unknown>
  /** The delivery of this id once it is over. */
  readonly overOf: (channel: string, id: string) => Promise<Delivery>
  /** Receivers answer as they do at first. */
  readonly reset: () => void
  readonly stop: () => Promise<void>
}

/** The node may reach its receivers, and nothing else that is private. */
export const startNotifyingNode = async (): Promise<NotifyingNode> => {
  const [receiver, smtp] = [await startScriptedServer(), await startSmtpServer()]
  const node = await startTestNode({
    EGRESS_ALLOW: `127.0.0.1:${new URL(receiver.url).port},127.0.0.1:${smtp.port}`,
    MILLRACE_PUBLIC_URL: "https://millrace.example",
  })
  const read = async (path: string) =>
    (await (await node.request("GET", `${area}${path}`)).json()) as Record<string, unknown>
  const deliveries = async (path: string) => (await read(path)).deliveries as ReadonlyArray<Delivery>
  const tell = (key: string, command: (typeof NotificationProtocol)["Command"]): Promise<unknown> =>
    node.run(
      Effect.flatMap(Engine, ({ ask }) =>
        ask(NotificationProtocol, key, command, { tenant }),
      ) as Effect.Effect<unknown>,
    )
  const reset = () => {
    receiver.answer = (_, response) => void response.writeHead(200).end("ok")
    smtp.answer = () => undefined
  }
  reset()
  return {
    node,
    receiver,
    smtp,
    read,
    deliveries,
    reset,
    put: (id, settings, more = {}) =>
      node.request("PUT", `${area}/channels/${id}`, { body: { name: id, settings, ...more } }),
    test: async (id) =>
      (await (await node.request("POST", `${area}/channels/${id}/test`)).json()) as Delivery,
    deliver: (channel, notification) => tell(channel, { _tag: "Deliver", notification }),
    act: (action) => tell(actionsKey("cpu"), { _tag: "Act", action }),
    overOf: async (channel, id) => {
      const found = async () =>
        (await deliveries(`?channel=${encodeURIComponent(channel)}&limit=100`)).find((one) => one.id === id)
      await expect
        .poll(async () => (await found())?.status ?? "waiting", { timeout: 20_000 })
        .not.toMatch(/waiting|failed/)
      return (await found())!
    },
    stop: async () => {
      await node.stop()
      await receiver.stop()
      await smtp.stop()
    },
  }
}
