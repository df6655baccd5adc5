/**
 * The platform's database as an operator's tool sees it: `DATABASE_URL`, or the embedded one of a node that does not run
 * now. Opens it as a node does, which brings the tables of the management database to their shape.
 */
import { join } from "node:path"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { isSqlError } from "effect/sql/SqlError"
import { platformTables } from "../actors/index.ts"
import {
  Changes,
  Database,
  Egress,
  type LlmModels,
  llmModelsLayer,
  maskText,
  modelCheckerLayer,
  nothingAllowed,
  readSecretKeys,
  Secrets,
  Tenancy,
  type TenantPlaces,
} from "../resources/index.ts"
import { Failure } from "./failure.ts"
import { homeOf } from "./files.ts"

type Platform = LlmModels | Secrets | Tenancy | TenantPlaces

/** The database's own words, where it has some; they never hold a secret's text. */
const wordsOf = (cause: unknown): string => {
  const below = isSqlError(cause) ? cause.reason.cause : undefined
  const words = cause instanceof Error ? cause.message : String(cause)
  return maskText(below instanceof Error ? `${words}: ${below.message}` : words)
}

const failureOf = (cause: unknown) => new Failure({ reason: wordsOf(cause) })

/** Nodes need not be told: what this changes is read from the database by each. */
const layerOf = (environment: NodeJS.ProcessEnv) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const home = homeOf(environment)
      const keys = yield* Effect.tryPromise({
        try: () =>
          readSecretKeys({
            home,
            secretKeys: environment.MILLRACE_SECRET_KEYS || undefined,
            environment: environment.NODE_ENV,
          }),
        catch: failureOf,
      })
      const url = environment.DATABASE_URL
      const database = Database.layer({
        url: url ? Redacted.make(url) : undefined,
        dataDirectory: environment.DATABASE_DIRECTORY || join(home, "pg"),
      })
      return llmModelsLayer.pipe(
        Layer.provide(modelCheckerLayer.pipe(Layer.provide(Egress.layer({ allow: nothingAllowed })))),
        Layer.provideMerge(Tenancy.layerRouted(platformTables)),
        Layer.provideMerge(Layer.mergeAll(Secrets.layer({ keys }), Changes.layerLocal)),
        Layer.provideMerge(database),
      )
    }),
  )

/** Errors: `Failure` for whatever goes wrong with the database. */
export const onPlatform = <A, E>(
  work: Effect.Effect<A, E, Platform>,
  environment: NodeJS.ProcessEnv,
): Effect.Effect<A, Failure> =>
  Effect.scoped(
    Effect.flatMap(Layer.build(layerOf(environment)), (built: Context.Context<Platform>) =>
      Effect.provide(work, built),
    ),
  ).pipe(Effect.mapError((cause) => (cause instanceof Failure ? cause : failureOf(cause))))
