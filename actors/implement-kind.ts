/** The engine's `implement` for kinds whose commands have types of their own, which its signature does not take. */
import type * as Effect from "effect/Effect"
import { type ActivityFailure, type ActivityRun, type Implementation, implement } from "../engine/index.ts"

interface Spec {
  readonly input: { readonly Type: unknown }
  readonly output: { readonly Type: unknown }
  readonly progress: { readonly Type: unknown }
}

type Activities<A extends Readonly<Record<string, Spec>>, R> = {
  readonly [N in keyof A]: (
    input: A[N]["input"]["Type"],
    run: ActivityRun<A[N]["progress"]["Type"]>,
  ) => Effect.Effect<A[N]["output"]["Type"], ActivityFailure, R>
}

/** What the activities need is taken from the environment once, when the implementation is made. */
export const implementKind = <
  A extends Readonly<Record<string, Spec>>,
  // biome-ignore lint/suspicious/noExplicitAny: the services are inferred from what is given
  I extends Activities<A, any>,
>(
  kind: { readonly activities: A },
  activities: I,
): Effect.Effect<Implementation, never, Effect.Services<ReturnType<I[keyof A & keyof I]>>> =>
  implement(kind as never, activities as never) as never
