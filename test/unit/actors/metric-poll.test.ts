/** Polls of rules: their grid in virtual time, what a fetch stores, how failures show, and what the text format may hold. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { exposedSamplesMax, readExposition } from "../../../actors/metric-poll/exposition.ts"
import { CepRuleProtocol, type PollResult, pollUpMetric } from "../../../schemas/index.ts"
import { ask, withProduct } from "../../support/product.ts"
import { define, fetchOf, poll, scripted, view } from "./scripted-polls.ts"

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

const up = (value: number) => ({ name: pollUpMetric, labels: { rule: "r" }, value })

const coded = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.1:80`), { code })
const unreachable = (cause: Error) => new TypeError("fetch failed", { cause })

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
      [() => Promise.reject(unreachable(coded("ECONNREFUSED"))), "fetch failed: ECONNREFUSED"],
      [
        () => Promise.reject(unreachable(new AggregateError([coded("ENOTFOUND")]))),
        "fetch failed: ENOTFOUND",
      ],
      [() => Promise.reject(unreachable(new Error("connect 10.0.0.1:80"))), "fetch failed"],
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
