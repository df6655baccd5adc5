/** Polls of rules: their grid in virtual time, what a fetch stores, how failures show, and what the text format may hold. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { PlatformAccess } from "../../../actors/index.ts"
import { sealPollCredential } from "../../../actors/metric-poll/credential.ts"
import { exposedSamplesMax, readExposition } from "../../../actors/metric-poll/exposition.ts"
import { fetchSamples } from "../../../actors/metric-poll/fetch-samples.ts"
import { MetricPoll, type PollInput } from "../../../actors/metric-poll/metric-poll.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { Secrets, type SecretsService } from "../../../resources/index.ts"
import {
  CepRuleProtocol,
  MetricPollProtocol,
  type Poll,
  type PollResult,
  pollUpMetric,
  type Sample,
} from "../../../schemas/index.ts"
import { implementation } from "../../support/deployment.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, withProduct } from "../../support/product.ts"

const poll: Poll = {
  url: "http://metrics.example/cpu",
  every: "30s",
  format: "json",
  path: "$.usage_percent",
}
const define = (engine: EngineShape, given: Poll = poll) =>
  ask(engine, CepRuleProtocol, "cpu", {
    _tag: "Define",
    document: {
      name: "cpu",
      trigger: { type: "metric", metric: "cpu", poll: given },
      condition: "value > 80",
    },
  })
const view = (engine: EngineShape) => ask(engine, MetricPollProtocol, "cpu", { _tag: "Read" })

/** Fetches that take `lastsMs` and end as told; when each began. */
const scripted = (script: { readonly lastsMs: number; readonly result: Partial<PollResult> }) => {
  const began: Array<number> = []
  const poller = implementation(MetricPoll as never, {
    poll: () =>
      Effect.gen(function* () {
        const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        began.push(at)
        yield* Effect.sleep(script.lastsMs)
        return { result: { at, latencyMs: script.lastsMs, samples: 1, ...script.result } }
      }),
  })
  return { began, poller }
}

describe("a rule that polls", () => {
  it(
    "fetches at once and then on its grid, and goes on after failures, which it tells",
    withProduct((product) =>
      Effect.gen(function* () {
        const script = {
          lastsMs: 2_000,
          result: { samples: 0, detail: "the server answered 503" } as Partial<PollResult>,
        }
        const { began, poller } = scripted(script)
        const { engine } = yield* product.start([poller])
        yield* define(engine)
        yield* Effect.sleep(33_000)
        expect(began.map((at) => Math.round((at - began[0]!) / 1_000))).toEqual([0, 30])
        expect(yield* view(engine)).toMatchObject({
          polls: 2,
          failures: 2,
          consecutiveFailures: 2,
          skipped: 0,
          last: { detail: "the server answered 503" },
        })
        script.result = { samples: 3 }
        yield* Effect.sleep(30_000)
        expect(yield* view(engine)).toMatchObject({
          polls: 3,
          failures: 2,
          consecutiveFailures: 0,
          last: { samples: 3 },
        })
      }),
    ),
  )

  it(
    "does not begin a fetch while one is under way, and counts what it left out",
    withProduct((product) =>
      Effect.gen(function* () {
        const { began, poller } = scripted({ lastsMs: 12_000, result: {} })
        const { engine } = yield* product.start([poller])
        yield* define(engine, { ...poll, every: "5s" })
        yield* Effect.sleep(11_000)
        expect([began.length, (yield* view(engine)).skipped]).toEqual([1, 2])
        yield* Effect.sleep(5_000)
        expect(began.length).toBe(2)
      }),
    ),
  )

  it(
    "goes on when another node takes over, and does not make up for times at which nothing ran",
    withProduct((product) =>
      Effect.gen(function* () {
        const { began, poller } = scripted({ lastsMs: 10, result: {} })
        const first = yield* product.start([poller])
        yield* define(first.engine)
        yield* Effect.sleep(1_000)
        yield* first.crash
        yield* Effect.sleep(10 * 60_000)
        const { engine } = yield* product.start([poller])
        yield* Effect.sleep(31_000)
        expect(began.length).toBeGreaterThanOrEqual(2)
        expect(began.length).toBeLessThanOrEqual(4)
        expect((yield* view(engine)).skipped).toBeGreaterThan(15)
      }),
    ),
  )

  it(
    "ends with its rule",
    withProduct((product) =>
      Effect.gen(function* () {
        const { began, poller } = scripted({ lastsMs: 10, result: {} })
        const { engine } = yield* product.start([poller])
        yield* define(engine)
        yield* Effect.sleep(1_000)
        yield* ask(engine, CepRuleProtocol, "cpu", { _tag: "Disable" })
        yield* Effect.sleep(120_000)
        expect(began.length).toBe(1)
        yield* ask(engine, CepRuleProtocol, "cpu", { _tag: "Enable" })
        yield* Effect.sleep(1_000)
        expect(began.length).toBe(2)
      }),
    ),
  )
})

/** One fetch of a server that answers so, what reaches the metric stream, and with which headers it was asked. */
const fetchOf = async (
  response: () => Response | Promise<Response>,
  given: Partial<PollInput> = {},
  secrets: SecretsService = scriptedPlatform().secrets,
) => {
  const samples: Array<Sample> = []
  const asked: Array<Headers> = []
  const platform = scriptedPlatform()
  const access = PlatformAccess.of({
    platform: Effect.succeed({
      ...platform,
      secrets,
      egress: {
        ...platform.egress,
        limited: () => async (_url, init) => {
          asked.push(new Headers(init?.headers))
          return response()
        },
      },
      lanes: {
        ...platform.lanes,
        appendSamples: (_: string, stored: ReadonlyArray<Sample>) =>
          Effect.sync(() => void samples.push(...stored)),
      },
    }),
    fill: () => Effect.void,
  })
  const input: PollInput = { poll, metric: "cpu", names: ["cpu"], timeoutMs: 1_000, ...given }
  const self = { tenant: "t", kind: "metric-poll", key: "r" }
  const fetching = fetchSamples(input, { self } as never)
  const output = await Effect.runPromise(Effect.provideService(fetching, PlatformAccess, access))
  return { ...output, asked, samples: samples.map(({ name, labels, value }) => ({ name, labels, value })) }
}
const up = (value: number) => ({ name: pollUpMetric, labels: { rule: "r" }, value })

describe("a fetch", () => {
  it("stores the number under its path, which may be written as a text or be true or false, and that it worked", async () => {
    for (const [given, value] of [
      [75, 75],
      ["85.5", 85.5],
      [true, 1],
    ] as const) {
      const { result, samples } = await fetchOf(() => Response.json({ usage_percent: given }))
      expect(samples).toEqual([{ name: "cpu", labels: {}, value }, up(1)])
      expect(result).toMatchObject({ samples: 1 })
    }
  })

  it("that failed stores that it failed, and tells why", async () => {
    const cases = [
      [() => Response.json({ usage: 75 }), "the answer has nothing at $.usage_percent"],
      [() => Response.json({ usage_percent: {} }), "what the answer has at $.usage_percent is no number"],
      [() => new Response("<html>"), "the answer is no JSON"],
      [() => new Response("", { status: 503 }), "the server answered 503"],
      [() => Promise.reject(new Error("refused")), "refused"],
    ] as const
    for (const [respond, detail] of cases) {
      const { result, samples } = await fetchOf(respond)
      expect([samples, result.samples, result.detail]).toEqual([[up(0)], 0, detail])
    }
  })

  it("takes from Prometheus' text format what the rule looks at, with labels of its own", async () => {
    const text = '# TYPE cpu gauge\ncpu{host="a"} 1\ncpu{host="b"} 2\nother 3\n'
    const { path: _, ...rest } = poll
    const { samples } = await fetchOf(() => new Response(text), {
      poll: { ...rest, format: "prometheus", labels: { region: "eu" } },
    })
    expect(samples).toEqual([
      { name: "cpu", labels: { host: "a", region: "eu" }, value: 1 },
      { name: "cpu", labels: { host: "b", region: "eu" }, value: 2 },
      up(1),
    ])
  })
})

describe("an answer to a poll", () => {
  it("with more samples than are kept is none, and nothing of it is stored", async () => {
    const { path: _, ...rest } = poll
    const text = Array.from({ length: exposedSamplesMax + 1 }, (_, index) => `cpu{n="${index}"} 1`).join("\n")
    const { result, samples } = await fetchOf(() => new Response(text), {
      poll: { ...rest, format: "prometheus" },
    })
    expect([result.detail, samples]).toEqual([
      `the answer has more than ${exposedSamplesMax} samples of cpu`,
      [up(0)],
    ])
  })
})

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
        expect([...new Set(inputs)]).toEqual(["old", "new", "other"])
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

describe("Prometheus' text format", () => {
  const names = new Set(["a", "b_total"])
  const read = (text: string) => readExposition(text, names, 5).samples

  it("has names, labels with escapes, values and times", () => {
    expect(
      read(
        'a{x="q\\"\\\\\\n,}",y="é"} 1.5e3 1700\na 2\n  a{} +3\nb_total{x="1",} 4 # {trace="t"} 0.5\n# EOF',
      ),
    ).toEqual([
      { name: "a", labels: { x: 'q"\\\n,}', y: "é" }, value: 1500, at: 1700 },
      { name: "a", labels: {}, value: 2, at: 5 },
      { name: "a", labels: {}, value: 3, at: 5 },
      { name: "b_total", labels: { x: "1" }, value: 4, at: 5 },
    ])
  })

  it("leaves out what is not finite, and names that nobody wants", () => {
    expect(read("a NaN\na +Inf\nc 1\na 0x10")).toEqual([])
  })

  it("names the first line that is not in it, and reads the others", () => {
    expect(readExposition("a 1\na{x=1} 2\nnonsense\na 3", names, 5)).toMatchObject({
      samples: [{ value: 1 }, { value: 3 }],
      badLine: 2,
      truncated: false,
    })
  })
})
