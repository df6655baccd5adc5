/**
 * Tells all nodes that something changed, so that what they keep of it is loaded again. Owns the count of changes per
 * topic. Between nodes an announcement may be lost: whoever keeps something also ends it by time (`Kept`).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Signals } from "../../engine/index.ts"
import { Nats, type NatsConnection } from "../../streams/index.ts"
import { Generations } from "./generations.ts"

export interface ChangesService {
  /**
   * What is kept under the topic is stale: on this node when the effect ends, on the others soon after. Announce when the
   * change is committed, never before. Topics are such as `access/<tenant>`.
   */
  readonly announce: (topic: string) => Effect.Effect<void>
  /** Grows with each announcement; 0 for a topic of which nothing was heard. */
  readonly generation: (topic: string) => number
}

/** The signal of the bus that carries announcements. */
const signal = "changes"
/** Longer messages are not ours: tenants' names are far shorter. */
const messageBytesMax = 1_024
/** Instead of a topic: all of them. */
const everything = ""

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What `layerSignals` needs of the connection. */
export type ChangesConnection = Pick<NatsConnection, "instance" | "onChange" | "status">

/**
 * Whoever was cut off missed announcements, and has all loaded again once connected. What it announced meanwhile reached
 * nobody: it then tells the others that anything may have changed.
 */
export const makeSignalled = Effect.fnUntraced(function* (
  signals: Signals.SignalBus,
  connection: ChangesConnection,
): Effect.fn.Return<ChangesService, never, Scope.Scope> {
  const generations = new Generations()
  let unheard = false
  const publish = (topic: string) =>
    signals.publish(signal, encoder.encode(`${connection.instance}\n${topic}`))
  const hear = (data: Uint8Array) => {
    if (data.length > messageBytesMax) return
    const message = decoder.decode(data)
    const end = message.indexOf("\n")
    if (end < 0 || message.slice(0, end) === connection.instance) return
    const topic = message.slice(end + 1)
    if (topic === everything) generations.advanceAll()
    else generations.advance(topic)
  }
  const reconnected = (connected: boolean) => {
    if (!connected) return
    generations.advanceAll()
    if (unheard) publish(everything)
    unheard = false
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => connection.onChange(reconnected)),
    (stop) => Effect.sync(stop),
  )
  yield* signals.subscribe(signal, hear)
  return {
    announce: (topic) =>
      Effect.sync(() => {
        generations.advance(topic)
        if (connection.status().connected) publish(topic)
        else unheard = true
      }),
    generation: (topic) => generations.of(topic),
  }
})

const makeLocal = (): ChangesService => {
  const generations = new Generations()
  return {
    announce: (topic) => Effect.sync(() => generations.advance(topic)),
    generation: (topic) => generations.of(topic),
  }
}

export class Changes extends Context.Service<Changes, ChangesService>()("millrace/Changes") {
  /** For one node that is alone. */
  static readonly layerLocal = Layer.sync(Changes, makeLocal)

  static readonly layerSignals: Layer.Layer<Changes, never, Nats | Signals.Signals> = Layer.effect(
    Changes,
    Effect.gen(function* () {
      return yield* makeSignalled(yield* Signals.Signals, yield* Nats)
    }),
  )
}
