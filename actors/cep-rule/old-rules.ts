/**
 * Rules that 0.3 wrote are in no lane and in no list until their actors are woken. After an upgrade each tenant's are woken
 * once: those that its actor `rule-index` listed, which are those that were enabled. A mark in the key-value store says that
 * it was done; the node that has that actor's partition does it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Address, Engine, KeyValue, storedState } from "../../engine/index.ts"
import { CepRuleProtocol } from "../../schemas/index.ts"
import { allTenants } from "../every-tenant.ts"

/** How often tenants are looked at that were not done yet. */
const lookEveryMs = 5_000
const atOnce = 16

const Listed = Schema.Struct({ rules: Schema.Array(Schema.Struct({ rule: Schema.String })) })
const decodeListed = Schema.decodeUnknownOption(Listed)

const markKey = (tenant: string): string => `cep-rule/brought-in/${tenant}`
const listOf = (tenant: string): string => Address.format({ tenant, kind: "rule-index", key: "default" })

/** False when it is another node's to do. */
const bringIn = Effect.fnUntraced(function* (tenant: string) {
  const [engine, store] = [yield* Engine, yield* KeyValue.KeyValue]
  const [mark] = yield* store.getMany([markKey(tenant)])
  if (mark !== undefined) return true
  const { partitions } = yield* engine.status
  const list = listOf(tenant)
  if (partitions[Address.partitionOf(list, partitions.length)]?._tag !== "Live") return false
  const listed = decodeListed(yield* storedState(store, list))
  const rules = Option.match(listed, {
    onNone: () => [],
    onSome: (found) => found.rules.map(({ rule }) => rule),
  })
  // Whoever reads a rule wakes it, and what it has to tell follows.
  const wake = (rule: string) => engine.tell(CepRuleProtocol, rule, { _tag: "Read" }, { tenant })
  yield* Effect.forEach(rules, wake, { concurrency: atOnce, discard: true })
  const value = new TextEncoder().encode(JSON.stringify({ rules: rules.length }))
  yield* store.putMany([{ key: markKey(tenant), value, expectedRevision: 0 }])
  if (rules.length > 0)
    yield* Effect.logInfo(`${rules.length} rules of ${tenant} from before 0.4 enter their lanes`)
  return true
})

/** Runs until it is interrupted. */
export const runOldRules = Effect.gen(function* () {
  const done = new Set<string>()
  const notYet = (of: string) => (error: { readonly message: string }) =>
    Effect.logWarning(`rules of ${of} from before 0.4 do not enter their lanes yet: ${error.message}`)
  const look = Effect.gen(function* () {
    for (const tenant of yield* allTenants) {
      if (done.has(tenant)) continue
      yield* bringIn(tenant).pipe(
        Effect.map((isDone) => isDone && done.add(tenant)),
        Effect.catch(notYet(tenant)),
      )
    }
  }).pipe(Effect.catch(notYet("tenants")))
  for (;;) {
    yield* look
    yield* Effect.sleep(lookEveryMs)
  }
})
