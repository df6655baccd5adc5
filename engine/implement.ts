/** Joins an actor kind with what its activities really do; the services these need are taken from the environment. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { AnyProtocol } from "../schemas/index.ts"
import type { ActivityFailure, ActivityImplementation, ActivityRun } from "./activity-runner.ts"
import type { ActivitySpec, AnyKind } from "./define.ts"
import type { Implementation } from "./owner.ts"

type Activities = { readonly [name: string]: ActivitySpec }

export type ActivityImplementations<A extends Activities, R> = {
  readonly [N in keyof A & string]: (
    input: A[N]["input"]["Type"],
    run: ActivityRun<A[N]["progress"]["Type"]>,
  ) => Effect.Effect<A[N]["output"]["Type"], ActivityFailure, R>
}

/** The rest of a kind's type does not matter here: only its activities have to be matched. */
export const implement = <A extends Activities, R = never>(
  kind: { readonly protocol: AnyProtocol; readonly activities: A },
  activities: ActivityImplementations<A, R>,
): Effect.Effect<Implementation, never, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.succeed({
      kind: kind as unknown as AnyKind,
      activities: Object.fromEntries(
        Object.entries(activities).map(([name, run]): [string, ActivityImplementation] => [
          name,
          (input, handle) => Effect.provideContext(run(input as never, handle as never), context),
        ]),
      ),
    }),
  )
