/**
 * Credentials of polls that an older key has sealed are sealed again under the newest, those of rules that are off as well.
 * They lie in the actors of their rules, where what goes over the database's sealed columns does not come by. Several nodes may do
 * so at once: a credential is changed only as it was read.
 */
import * as Effect from "effect/Effect"
import { Engine } from "../../engine/index.ts"
import { Secrets } from "../../resources/index.ts"
import { MetricPollProtocol, type RuleDocument } from "../../schemas/index.ts"
import { RuleIndex } from "../cep-rule/index/rule-index.ts"
import { forEveryTenant } from "../every-tenant.ts"
import { openPollCredential, sealPollCredential } from "./credential.ts"

const lookEveryMs = 5 * 60_000
const rulesInPage = 200
const rulesAtATime = 8

const polls = ({ trigger }: RuleDocument): boolean => trigger.type === "metric" && trigger.poll !== undefined

/** True when it was sealed again. Errors: a defect where it does not open with any of the keys. */
const resealOne = Effect.fnUntraced(function* (tenant: string, rule: string) {
  const [engine, secrets] = [yield* Engine, yield* Secrets]
  const ask = { tenant }
  const { credential } = yield* engine.ask(MetricPollProtocol, rule, { _tag: "ReadCredential" }, ask)
  if (credential === undefined || secrets.isCurrent(credential.sealed)) return false
  const { number, origin, sealed: replaces } = credential
  const place = { tenant, rule, origin }
  const opened = yield* Effect.option(Effect.try(() => openPollCredential(secrets, place, replaces)))
  if (opened._tag === "None") {
    yield* Effect.logWarning(`the credential of the poll of ${rule} of ${tenant} does not open: set it again`)
    return false
  }
  const sealed = sealPollCredential(secrets, place, opened.value)
  const set = { _tag: "SetCredential", number, origin, sealed, replaces } as const
  return (yield* engine.ask(MetricPollProtocol, rule, set, ask)).kept
})

export const resealPollsOf = Effect.fnUntraced(function* (tenant: string) {
  let resealed = 0
  for (let after = ""; ; ) {
    const page = yield* RuleIndex.use((index) => index.page(tenant, after, rulesInPage))
    const done = yield* Effect.forEach(
      page.filter(({ document }) => polls(document)),
      ({ rule }) => resealOne(tenant, rule),
      { concurrency: rulesAtATime },
    )
    resealed += done.filter((one) => one).length
    const last = page.at(-1)
    if (last === undefined || page.length < rulesInPage) break
    after = last.rule
  }
  if (resealed > 0)
    yield* Effect.logInfo(
      `${resealed} credentials of polls of ${tenant} were sealed again under the newest key`,
    )
  return resealed
})

/** Runs until it is interrupted; nothing is to be done where there is one key. */
export const runPollResealing = Effect.gen(function* () {
  const { keyIds } = yield* Secrets
  if (keyIds.length === 1) return
  const needed = yield* Effect.context<Engine | RuleIndex | Secrets>()
  const work = (tenant: string) => Effect.provide(resealPollsOf(tenant), needed)
  yield* forEveryTenant("sealing the credentials of polls again", work, { lookEveryMs })
}).pipe(Effect.withTracerEnabled(false))
