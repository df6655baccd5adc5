/** An alert desk in memory: transitions as lanes send them, and what the desk sends out for them. */

import * as Effect from "effect/Effect"
import { it } from "vitest"
import type { EngineShape } from "../../engine/index.ts"
import {
  type Action,
  type AlertAction,
  AlertDeskProtocol,
  alertDeskKey,
  type Notification,
  type Transition,
} from "../../schemas/index.ts"
import { ask, type Product, withProduct } from "./product.ts"

/** A test of a desk on one node, in virtual time. */
export const on = (
  title: string,
  body: (engine: EngineShape, product: Product) => Effect.Effect<unknown, unknown>,
): void =>
  it(
    title,
    withProduct((product) => Effect.flatMap(product.start(), ({ engine }) => body(engine, product))),
  )

export const notify = (channel = "ops", on?: Action["on"]): Action => ({
  type: "notify",
  channel,
  ...(on === undefined ? {} : { on }),
})

export interface TransitionOf extends Partial<Omit<Transition, "policy">> {
  readonly host?: string
  readonly policy?: Partial<Transition["policy"]>
}

const fingerprintOf = (rule: string, host: string) =>
  Buffer.from(`${rule}/${host}`).toString("hex").padStart(16, "0").slice(-16)

/** Number `number` of the alert of a rule on a host. */
export const transition = (number: number, to: Transition["to"], given: TransitionOf = {}): Transition => {
  const { host = "a", rule = "cpu", policy, ...more } = given
  const fingerprint = fingerprintOf(rule, host)
  const at = more.at ?? number * 1_000
  return {
    id: `${rule}/${fingerprint}/${number}`,
    rule,
    version: 1,
    fingerprint,
    number,
    to,
    cause: "condition",
    severity: "warning",
    labels: { host, rule_label: "x" },
    values: {},
    since: at,
    at,
    storedAt: at,
    ...more,
    policy: { name: `Rule ${rule}`, actions: [notify()], annotations: {}, ...policy },
  }
}

export const fingerprint = (host = "a", rule = "cpu"): string => fingerprintOf(rule, host)

export const desk = <const C extends (typeof AlertDeskProtocol)["Command"]>(
  engine: EngineShape,
  command: C,
) => ask(engine, AlertDeskProtocol, alertDeskKey, command)

export const takes = (engine: EngineShape, ...transitions: ReadonlyArray<Transition>) =>
  desk(engine, { _tag: "Take", transitions })

interface Sent {
  readonly to: string
  readonly body: {
    readonly _tag: string
    readonly notification?: Notification
    readonly action?: AlertAction
  }
}

const sent = (product: Product): ReadonlyArray<Sent> =>
  product
    .entries()
    .flatMap(({ send }) => (send ?? []) as ReadonlyArray<Sent>)
    .filter(({ to }) => to.startsWith("t/notification/"))

export interface Told {
  readonly channel: string
  readonly notification: Notification
}

/** Everything that channels were told, in order. */
export const told = (product: Product): ReadonlyArray<Told> =>
  sent(product).flatMap(({ to, body: { notification } }) =>
    notification === undefined ? [] : [{ channel: to.slice("t/notification/".length), notification }],
  )

/** `ops new firing:a,resolved:b` for each. */
export const lines = (product: Product): ReadonlyArray<string> =>
  told(product).map(
    ({ channel, notification: { reason, alerts } }) =>
      `${channel} ${reason} ${alerts.map(({ status, labels }) => `${status}:${labels.host}`).join()}`,
  )

export const acted = (product: Product): ReadonlyArray<AlertAction> =>
  sent(product).flatMap(({ body: { action } }) => (action === undefined ? [] : [action]))
