/** Joins an actor kind with what its activities really do; the services these need are taken from the environment. */
import * as Effect from "effect/Effect"
import type { ActivityFailure, ActivityImplementation, ActivityRun } from "./activity-runner.ts"
import type { ActorKind } from "./define.ts"
import type { Implementation } from "./owner.ts"

// biome-ignore lint/suspicious/noExplicitAny: variance — only the activities' types matter here
type KindWith<A extends Record<string, any>> = ActorKind<any, any, any, any, A, any>

export type ActivitiesOf<K, R> =
  // biome-ignore lint/suspicious/noExplicitAny: variance
  K extends KindWith<infer A extends Record<string, any>>
    ? {
        readonly [N in keyof A & string]: (
          input: A[N]["input"]["Type"],
          run: ActivityRun<A[N]["progress"]["Type"]>,
        ) => Effect.Effect<A[N]["output"]["Type"], ActivityFailure, R>
      }
    : never

// biome-ignore lint/suspicious/noExplicitAny: variance
export const implement = <K extends ActorKind<any, any, any, any, any, any>, R = never>(
  kind: K,
  activities: ActivitiesOf<K, R>,
): Effect.Effect<Implementation, never, R> =>
  Effect.contextWith((context) =>
    Effect.succeed({
      kind,
      activities: Object.fromEntries(
        Object.entries(activities).map(([name, run]) => [
          name,
          (input: unknown, handle: ActivityRun) =>
            Effect.provideContext(
              (run as (input: unknown, run: ActivityRun) => Effect.Effect<unknown, ActivityFailure, R>)(
                input,
                handle,
              ),
              context,
            ),
        ]),
      ) as Record<string, ActivityImplementation>,
    }),
  )
