/**
 * Binds activities to their kind: the engine's `implement` for kinds whose commands have types of their own, which its
 * signature does not take, with every run as a span under the entry that started it.
 */
import * as Effect from "effect/Effect"
import {
  type ActivityFailure,
  type ActivityRun,
  Address,
  type Implementation,
  implement,
} from "../engine/index.ts"
import { underTrace } from "../resources/index.ts"
import { type AnyProtocol, spanAttribute } from "../schemas/index.ts"

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

type Body = (input: unknown, run: ActivityRun) => Effect.Effect<unknown, ActivityFailure, unknown>

const traced =
  (kind: string, name: string, body: Body): Body =>
  (input, run) =>
    underTrace(
      run.trace,
      run.self.tenant,
    )(
      Effect.withSpan(body(input, run), `${kind} activity ${name}`, {
        attributes: {
          [spanAttribute.actor]: Address.format(run.self),
          [spanAttribute.service]: kind,
          attempt: run.attempt,
        },
      }),
    )

/** What the activities need is taken from the environment once, when the implementation is made. */
export const implementKind = <
  A extends Readonly<Record<string, Spec>>,
  // biome-ignore lint/suspicious/noExplicitAny: the services are inferred from what is given
  I extends Activities<A, any>,
>(
  kind: { readonly protocol: AnyProtocol; readonly activities: A },
  activities: I,
): Effect.Effect<Implementation, never, Effect.Services<ReturnType<I[keyof A & keyof I]>>> => {
  const bodies = Object.entries(activities as unknown as Record<string, Body>).map(([name, body]) => [
    name,
    traced(kind.protocol.kind, name, body),
  ])
  return implement(kind as never, Object.fromEntries(bodies) as never) as never
}
