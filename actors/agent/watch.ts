/**
 * Whether an agent is heard while its answer runs again on the next owner of the actor. That a node is at work, which the
 * speaker tells, does not hold the turn then: whoever asked has waited before.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { silenceMs } from "./silence.ts"

export interface Watch {
  /** The same; what is said is heard from its beginning until it is taken. */
  readonly whileSaying: <E>(
    say: (text: string) => Effect.Effect<void, E>,
  ) => (text: string) => Effect.Effect<void, E>
  /** Fails with `AgentSilent` once nothing was said for `silenceMs`; never succeeds. */
  readonly silent: Effect.Effect<never, ActivityFailure>
}

const failure = (agent: string) =>
  new ActivityFailure({
    code: "AgentSilent",
    detail: `agent "${agent}" was asked again after its node was gone, and said nothing for ${silenceMs / 1_000} s; ask again`,
    retryable: false,
  })

/** Begins to wait now. */
export const makeWatch = Effect.fnUntraced(function* (agent: string): Effect.fn.Return<Watch> {
  let heardAt = yield* Clock.currentTimeMillis
  let isSaying = false
  const hear = (saying: boolean) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      heardAt = now
      isSaying = saying
    })
  return {
    whileSaying: (say) => (text) => hear(true).pipe(Effect.andThen(say(text)), Effect.ensuring(hear(false))),
    silent: Effect.gen(function* () {
      for (;;) {
        const leftMs = isSaying ? silenceMs : heardAt + silenceMs - (yield* Clock.currentTimeMillis)
        if (leftMs <= 0) return yield* failure(agent)
        yield* Effect.sleep(leftMs)
      }
    }),
  }
})
