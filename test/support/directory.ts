/** A directory on a database of its own, and how suites log people in and read refusals. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type ChangedBy,
  Changes,
  type Claims,
  Directory,
  Refused,
  Tenancy,
  tenantTables,
} from "../../resources/index.ts"
import { ephemeralDatabase } from "./database.ts"

/** `boss` of the platform's tenant and `chief` of `acme` become ADMIN when they log in. */
export const directory = Directory.layer({ administrators: ["boss", "acme/chief"] }).pipe(
  Layer.provideMerge(
    Layer.merge(
      Changes.layerLocal,
      Tenancy.layer(tenantTables).pipe(Layer.provideMerge(ephemeralDatabase())),
    ),
  ),
)

export const claims = (username: string, more: Partial<Claims> = {}): Claims => ({
  issuer: "https://issuer.test",
  subject: `subject of ${username}`,
  username,
  email: `${username}@example.test`,
  ...more,
})
export const by = (user: string, tenant = "default"): ChangedBy => ({ tenant, user, requestId: "r-1" })

export const login = Effect.fnUntraced(function* (
  username: string,
  more: Partial<Claims> = {},
  tenant = "default",
) {
  return yield* (yield* Directory).provision(tenant, claims(username, more), by("system", tenant))
})

/** The code of the refusal, with its reason. */
export const refusal = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (failure) => {
    if (failure instanceof Refused) return `${failure.reason} ${failure.code}`
    throw failure
  })
