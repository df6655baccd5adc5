/** A node that evaluates lanes, in this process, over a server of the measurement; its alert desks say when they took something. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { makeLanes, type NodeLanes } from "../../actors/index.ts"
import { accept, define, Engine, implement, make } from "../../engine/index.ts"
import { AlertDeskProtocol } from "../../schemas/index.ts"
import { layer, MetricStream, type MetricStreamService } from "../../streams/index.ts"
import { ready, type server } from "../engine/deployment.ts"

export const partitions = 1
export const takenTopic = "bench.taken"

/** Stands in for the alert desk, and says when what it took is in its journal. */
const Desk = define(AlertDeskProtocol, {
  state: Schema.Struct({ taken: Schema.Int }),
  events: { Taken: { count: Schema.Int } },
  initial: () => ({ taken: 0 }),
  decide: Object.assign(
    Object.fromEntries(Object.keys(AlertDeskProtocol.codec.command).map((name) => [name, () => accept({})])),
    {
      Take: (
        _: unknown,
        { transitions }: { readonly transitions: ReadonlyArray<{ readonly labels: unknown }> },
      ) =>
        accept({
          events: [{ _tag: "Taken", count: transitions.length }],
          signal: [{ topic: takenTopic, body: transitions.map(({ labels }) => labels) }],
        }),
    },
  ) as never,
  evolve: { Taken: (state, { count }) => ({ taken: state.taken + count }) },
})

export interface Node {
  readonly stream: MetricStreamService
  readonly lanes: NodeLanes
  readonly engine: Engine["Service"]
  /** As a kill would: nothing is handed over. */
  readonly kill: Effect.Effect<void>
}

export type Server = Effect.Success<ReturnType<typeof server>>

export const startNode = Effect.fnUntraced(function* (nats: Server) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const parts = Effect.gen(function* () {
    const desk = yield* implement(Desk, {})
    const streams = yield* Layer.build(Layer.fresh(layer(nats.config)))
    const started = Effect.gen(function* () {
      const stream = yield* MetricStream
      const engine = yield* make({
        partitions,
        incarnation: `bench-${process.pid}-${performance.now()}`,
        implementations: [desk],
      })
      yield* ready(engine)
      const lanes = yield* makeLanes(stream)
      yield* Effect.provideService(lanes.run, Engine, engine)
      return { stream, lanes, engine, kill: Scope.close(scope, Exit.void) } satisfies Node
    })
    return yield* Effect.provide(started, streams)
  })
  return yield* Effect.provideService(parts, Scope.Scope, scope)
})
