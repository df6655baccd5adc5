/** Takes what channels deliver and rules do in virtual time, and answers by script. */
import * as Effect from "effect/Effect"
import { it } from "vitest"
import type { Input, Output } from "../../../../actors/notification/activities.ts"
import { NotificationActor } from "../../../../actors/notification/notification.ts"
import type { Over } from "../../../../actors/notification/state.ts"
import {
  ActivityFailure,
  type ActivityRun,
  type AnyKind,
  type EngineShape,
} from "../../../../engine/index.ts"
import { type DeliveryAttempt, type Notification, NotificationProtocol } from "../../../../schemas/index.ts"
import { implementation } from "../../../support/deployment.ts"
import { ask, type Product, type ProductNode, withProduct } from "../../../support/product.ts"

export interface Arrived {
  readonly at: number
  /** Of the notification. */
  readonly id: string
  readonly notification: Notification | undefined
}

const delivered = Effect.succeed<Output>({ status: "delivered" })

/** Takes the place of what the activities of notifications do: keeps what arrives, and answers by script. */
export class ScriptedReceiver {
  readonly arrived: Array<Arrived> = []
  /** The rows that the database was given. */
  readonly kept: Array<Over> = []
  answer: (arrived: Arrived) => Effect.Effect<Output> = () => delivered
  perMinuteMax = 60
  isDatabaseAway = false
  askedToKeep = 0
  private readonly now: () => number
  private node: ProductNode | undefined

  constructor(now: () => number) {
    this.now = now
  }

  readonly ids = (): ReadonlyArray<string> => this.arrived.map(({ id }) => id)

  /** A node whose notifications arrive here. */
  readonly start = (product: Product) =>
    Effect.tap(product.start([this.implementation()]), (node) =>
      Effect.sync(() => {
        this.node = node
      }),
    )

  private implementation() {
    const deliver = (input: unknown, { self }: ActivityRun) =>
      Effect.gen({ self: this }, function* () {
        const { n, test } = input as Input
        const read = ask(this.node!.engine, NotificationProtocol, self.key, { _tag: "ReadWaiting", n })
        const { notification } = test ?? (yield* Effect.orDie(read))
        const arrived = { at: this.now(), id: notification?.id ?? "", notification }
        this.arrived.push(arrived)
        const answer = yield* this.answer(arrived)
        return { ...answer, perMinuteMax: this.perMinuteMax }
      })
    const index = (input: unknown) =>
      Effect.suspend(() => {
        this.askedToKeep += 1
        if (this.isDatabaseAway)
          return Effect.fail(new ActivityFailure({ code: "Away", detail: "", retryable: true }))
        const { rows, revision } = input as { readonly rows: ReadonlyArray<Over>; readonly revision: number }
        this.kept.push(...rows)
        return Effect.succeed({ revision })
      })
    return implementation(NotificationActor as unknown as AnyKind, { deliver, act: deliver, index })
  }
}

export const failed: Output = { status: "failed", detail: "the receiver answered 500" }
export const failing = () => Effect.succeed(failed)
export const answering = () => Effect.succeed<Output>({ status: "delivered" })

export const deliver = (engine: EngineShape, notification: Notification) =>
  ask(engine, NotificationProtocol, "ops", { _tag: "Deliver", notification })
export const logOf = (engine: EngineShape): Effect.Effect<ReadonlyArray<DeliveryAttempt>, Error> =>
  ask(engine, NotificationProtocol, "ops", { _tag: "Log", limit: 200 })

/** Statuses by id. */
export const statuses = (engine: EngineShape) =>
  Effect.map(logOf(engine), (log) => Object.fromEntries(log.map(({ id, status }) => [id, status])))

/** A channel in virtual time whose deliveries arrive at a receiver that goes by script. */
export const on = (
  title: string,
  body: (setup: {
    readonly receiver: ScriptedReceiver
    readonly engine: EngineShape
    readonly product: Product
    readonly node: ProductNode
  }) => Effect.Effect<unknown, unknown>,
): void =>
  it(
    title,
    withProduct((product) => {
      const receiver = new ScriptedReceiver(() => product.time.now)
      return Effect.flatMap(receiver.start(product), (node) =>
        body({ receiver, engine: node.engine, product, node }),
      )
    }),
  )
