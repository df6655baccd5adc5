/** The credentials of polls: where they go, where they do not, and how long they stay. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { RuleIndex } from "../../../actors/index.ts"
import { openPollCredential, sealPollCredential } from "../../../actors/metric-poll/credential.ts"
import { MetricPoll, type PollInput } from "../../../actors/metric-poll/metric-poll.ts"
import { resealPollsOf } from "../../../actors/metric-poll/reseal.ts"
import { Engine } from "../../../engine/index.ts"
import { Secrets } from "../../../resources/index.ts"
import { CepRuleProtocol, MetricPollProtocol } from "../../../schemas/index.ts"
import { implementation, tenant } from "../../support/deployment.ts"
import { ask, withProduct } from "../../support/product.ts"
import { define, fetchOf, poll, scripted, view } from "./scripted-polls.ts"

describe("a poll's credential", () => {
  const keys = (...ids: ReadonlyArray<string>) => ids.map((id) => ({ id, key: Buffer.alloc(32, id) }))
  const secretsWith = (...ids: ReadonlyArray<string>) =>
    Effect.runSync(
      Effect.provide(
        Effect.map(Secrets, (secrets) => secrets),
        Secrets.layer({ keys: keys(...ids) }),
      ),
    )
  const place = { tenant: "t", rule: "r", origin: "http://metrics.example" }
  const secrets = secretsWith("a")
  const credential = sealPollCredential(secrets, place, { header: "x-api-key", value: "s3cret" })
  const answer = () => Response.json({ usage_percent: 1 })
  const withHeaders = { ...poll, headers: { "X-Api-Key": "theirs", "X-Other": "o" } }

  it("goes along in its header, before one of the document's", async () => {
    const { asked, result, resealed } = await fetchOf(answer, { poll: withHeaders, credential }, secrets)
    expect([asked[0]?.get("x-api-key"), asked[0]?.get("x-other")]).toEqual(["s3cret", "o"])
    expect([result.detail, resealed]).toEqual([undefined, undefined])
  })

  it("opens for no other address, rule or tenant, and then nothing is asked", async () => {
    const elsewhere = { ...poll, url: "http://other.example/cpu" }
    const { asked, result } = await fetchOf(answer, { poll: elsewhere, credential }, secrets)
    expect([asked, result.detail]).toEqual([[], "the poll's credential cannot be opened; set it again"])
    for (const other of [
      { ...place, rule: "s" },
      { ...place, tenant: "u" },
    ]) {
      const sealed = sealPollCredential(secrets, other, { header: "x-api-key", value: "s3cret" })
      expect((await fetchOf(answer, { credential: sealed }, secrets)).asked).toEqual([])
    }
  })

  it("is sealed again under the newest key when it is used", async () => {
    const newer = secretsWith("b", "a")
    const { resealed } = await fetchOf(answer, { credential }, newer)
    expect(resealed?.before).toBe(credential)
    expect((await fetchOf(answer, { credential: resealed!.after }, secretsWith("b"))).asked).toHaveLength(1)
  })

  it(
    "is kept as it was sealed last, unless another one was given meanwhile",
    withProduct((product) =>
      Effect.gen(function* () {
        const inputs: Array<string | undefined> = []
        const poller = implementation(MetricPoll as never, {
          poll: (input) =>
            Effect.sync(() => {
              inputs.push((input as PollInput).credential)
              const resealed = { before: "old", after: "new" }
              return { result: { at: 0, latencyMs: 0, samples: 1 }, resealed }
            }),
        })
        const { engine } = yield* product.start([poller])
        yield* define(engine, { ...poll, every: "1s" })
        const set = (sealed: string) =>
          ({ _tag: "SetCredential", number: 1, origin: place.origin, sealed }) as const
        yield* ask(engine, MetricPollProtocol, "cpu", set("old"))
        yield* Effect.sleep(3_000)
        yield* ask(engine, MetricPollProtocol, "cpu", set("other"))
        yield* Effect.sleep(2_500)
        // A fetch may have begun before the first was given.
        expect([...new Set(inputs.flatMap((one) => one ?? []))]).toEqual(["old", "new", "other"])
      }),
    ),
  )

  it(
    "is sealed again after a change of key where its rule is off, unless it is another one by then",
    withProduct((product) =>
      Effect.gen(function* () {
        const { poller } = scripted({ lastsMs: 10, result: {} })
        const { engine } = yield* product.start([poller])
        yield* define(engine)
        yield* ask(engine, CepRuleProtocol, "cpu", { _tag: "Disable" })
        yield* Effect.sleep(100)
        const given = { header: "x-api-key", value: "s3cret" }
        const own = { tenant, rule: "cpu", origin: new URL(poll.url).origin }
        const set = { _tag: "SetCredential", number: 9, origin: own.origin } as const
        yield* ask(engine, MetricPollProtocol, "cpu", {
          ...set,
          sealed: sealPollCredential(secrets, own, given),
        })
        const newer = secretsWith("b", "a")
        const listed = [{ rule: "cpu", document: { trigger: { type: "metric", poll } } }]
        const reseal = resealPollsOf(tenant).pipe(
          Effect.provideService(Engine, engine),
          Effect.provideService(Secrets, newer),
          Effect.provideService(RuleIndex, { page: () => Effect.succeed(listed) } as never),
        )
        expect(yield* reseal).toBe(1)
        expect(yield* reseal).toBe(0)
        const { credential: kept } = yield* ask(engine, MetricPollProtocol, "cpu", { _tag: "ReadCredential" })
        expect(kept?.number).toBe(9)
        expect(openPollCredential(secretsWith("b"), own, kept!.sealed)).toEqual(given)
        const late = { ...set, sealed: "late", replaces: "another" }
        expect(yield* ask(engine, MetricPollProtocol, "cpu", late)).toEqual({ kept: false })
      }),
    ),
  )

  it(
    "stays with its rule while that is switched, and goes when the address is another's or the rule is removed",
    withProduct((product) =>
      Effect.gen(function* () {
        const { poller } = scripted({ lastsMs: 10, result: {} })
        const { engine } = yield* product.start([poller])
        yield* define(engine)
        yield* Effect.sleep(100)
        const set = (number: number, origin: string) =>
          ask(engine, MetricPollProtocol, "cpu", { _tag: "SetCredential", number, origin, sealed: "s" })
        const has = Effect.map(view(engine), ({ hasCredential }) => hasCredential)
        const once = <A, E>(change: Effect.Effect<A, E>) =>
          Effect.andThen(Effect.andThen(change, Effect.sleep(100)), has)

        expect(yield* once(set(1, place.origin))).toBe(true)
        expect(JSON.stringify(yield* view(engine))).not.toContain("sealed")
        const toggle = (_tag: "Disable" | "Enable") => ask(engine, CepRuleProtocol, "cpu", { _tag })
        expect(yield* once(toggle("Disable"))).toBe(true)
        expect(yield* once(toggle("Enable"))).toBe(true)
        expect(yield* once(define(engine, { ...poll, url: "http://metrics.example/other" }))).toBe(true)
        expect(yield* once(define(engine, { ...poll, url: "https://metrics.example/cpu" }))).toBe(false)
        expect(yield* once(define(engine))).toBe(false)
        // What was meant for an address of before.
        expect(yield* set(5, "https://metrics.example")).toEqual({ kept: false })
        expect(yield* once(set(6, place.origin))).toBe(true)
        expect(yield* once(ask(engine, MetricPollProtocol, "cpu", { _tag: "RemoveCredential" }))).toBe(false)
        expect(yield* once(set(6, place.origin))).toBe(true)
        yield* once(ask(engine, CepRuleProtocol, "cpu", { _tag: "Remove" }))
        expect(yield* once(define(engine))).toBe(false)
      }),
    ),
  )
})
