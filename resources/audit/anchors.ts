/**
 * Notes outside the database where each tenant's audit chain ends. Whoever owns the database can write a whole new chain;
 * it then ends differently from what was noted. Who owns both the database and the streams can still do it unseen.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { KeyValue, type Unavailable } from "../../engine/index.ts"
import { type Tenancy, TenantPlaces } from "../tenants/tenancy.ts"
import { auditLimits } from "./limits.ts"
import { auditHead } from "./read.ts"

const Anchor = Schema.Struct({ sequence: Schema.Int, hash: Schema.String })
export type Anchor = typeof Anchor.Type

const keyOf = (tenant: string): string => `audit-anchor/${tenant}`
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Anchor))
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]

const stored = Effect.fnUntraced(function* (tenant: string) {
  const [found] = yield* (yield* KeyValue.KeyValue).getMany([keyOf(tenant)])
  const anchor = found === undefined ? undefined : decode(decoder.decode(found.value))
  return { revision: found?.revision ?? 0, anchor: anchor?._tag === "Some" ? anchor.value : undefined }
})

export const readAnchor = (
  tenant: string,
): Effect.Effect<Anchor | undefined, Unavailable, KeyValue.KeyValue> =>
  Effect.map(stored(tenant), ({ anchor }) => anchor)

/** An anchor only moves forward; of two who move it one wins, and either is right. */
export const keepAnchor = Effect.fnUntraced(function* (
  tenant: string,
  { sequence, hash }: Anchor,
): Effect.fn.Return<void, Unavailable, KeyValue.KeyValue> {
  const { anchor, revision } = yield* stored(tenant)
  if (sequence <= (anchor?.sequence ?? 0)) return
  const value = encoder.encode(JSON.stringify({ sequence, hash }))
  yield* (yield* KeyValue.KeyValue).putMany([{ key: keyOf(tenant), value, expectedRevision: revision }])
})

/** Notes where the chains of these tenants end now; one that cannot be read is left for the next time. */
export const anchorAudits = Effect.fnUntraced(function* (tenants: Iterable<string>) {
  yield* Effect.forEach(
    tenants,
    (tenant) =>
      Effect.flatMap(auditHead(tenant), (head) =>
        head === undefined ? Effect.void : keepAnchor(tenant, head),
      ).pipe(
        Effect.catch((error) => Effect.logDebug(`the audit log of ${tenant} was not anchored: ${error}`)),
      ),
    { discard: true },
  )
})

/** Does so now and then, for all tenants, for as long as the layer lives. */
export const auditAnchorsLayer: Layer.Layer<never, never, Tenancy | TenantPlaces | KeyValue.KeyValue> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { register } = yield* TenantPlaces
      const anchoring = Effect.suspend(() => anchorAudits(Array.from(register.all, ({ id }) => id)))
      const every = Effect.andThen(Effect.sleep(auditLimits.anchorEveryMs), anchoring)
      yield* Effect.forkScoped(Effect.withTracerEnabled(Effect.forever(every), false))
    }),
  )
