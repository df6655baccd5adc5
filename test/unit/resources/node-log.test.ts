/** What the log says, and what it never says. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import fc from "fast-check"
import { type LogConfig, readLogConfig } from "../../../resources/log/config.ts"
import { NodeLog, nodeLogLayer } from "../../../resources/log/node-log.ts"
import { spanAttribute } from "../../../schemas/index.ts"
import { BadSetting, readSettings } from "../../../settings.ts"

const config: LogConfig = { format: "json", level: "info", requests: "off", file: undefined }

/** Runs an effect with a log of its own; gives the lines. */
const linesOf = (effect: Effect.Effect<unknown>, changes: Partial<LogConfig> = {}) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const services = yield* Layer.build(nodeLogLayer({ ...config, ...changes }, (line) => lines.push(line)))
    yield* Effect.provideContext(effect, services)
    return lines
  }).pipe(Effect.scoped)

const say = (...given: Parameters<(typeof NodeLog)["Service"]["log"]>) =>
  Effect.flatMap(NodeLog, (log) => Effect.sync(() => log.log(...given)))

describe("the log", () => {
  it.effect("says in each line when, where, in which request and for whom", () =>
    Effect.gen(function* () {
      const said = Effect.logWarning("the store is slow").pipe(
        Effect.annotateLogs({ partition: 3 }),
        Effect.withSpan("GET /api/x", {
          attributes: {
            [spanAttribute.tenant]: "acme",
            [spanAttribute.user]: "kim",
            "millrace.request_id": "r-1",
          },
        }),
      )
      const named = Effect.flatMap(NodeLog, (log) => Effect.sync(() => log.setNode("n1")))
      const [line] = yield* linesOf(Effect.andThen(named, said))
      expect(JSON.parse(line!)).toEqual({
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        level: "warn",
        message: "the store is slow",
        node: "n1",
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
        request_id: "r-1",
        tenant: "acme",
        user: "kim",
        partition: 3,
      })
    }),
  )

  it.effect("leaves out what is below its level", () =>
    Effect.gen(function* () {
      const some = Effect.andThen(
        Effect.logInfo("no"),
        Effect.andThen(say("info", "no"), say("error", "yes")),
      )
      expect(yield* linesOf(some, { level: "warn" })).toHaveLength(1)
    }),
  )

  it.effect("writes one line for people, and the stack of what failed below it", () =>
    Effect.gen(function* () {
      const [line] = yield* linesOf(
        say("error", "a request failed", { status: 500 }, new Error("no such thing")),
        {
          format: "console",
        },
      )
      const [first, ...stack] = line!.split("\n")
      expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ERROR a request failed status=500$/)
      expect(stack[0]).toBe("    Error: no such thing")
      expect(stack.length).toBeGreaterThan(1)
    }),
  )

  const forged = "fine\n2026-11-21 INFO root logged in\r\u001b[2K\u0085\u2028\u202e"
  for (const format of ["json", "console"] as const)
    it.effect(`lets nothing that is logged begin a line of its own or steer a terminal, as ${format}`, () =>
      Effect.gen(function* () {
        const lines = yield* linesOf(say("info", forged, { [forged]: forged, deep: { in: [forged] } }), {
          format,
        })
        expect(lines).toHaveLength(1)
        expect(lines[0]).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202e]/u)
        const failing = yield* linesOf(say("error", "x", {}, new Error(forged)), { format })
        for (const line of failing[0]!.split("\n").slice(1))
          expect(line).toMatch(/^ {4}[^\p{Cc}\u2028\u202e]*$/u)
      }),
    )

  it.effect("bears whatever it is given", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const hostile = {
        get x(): unknown {
          throw new Error("no")
        },
      }
      const given = [circle, hostile, 10n, Symbol("s"), () => 1, "x".repeat(1_000_000), new Map([[1, 2]])]
      const all = Effect.forEach(given, (value) =>
        Effect.andThen(
          say("info", "odd", { value }),
          Effect.andThen(Effect.logInfo(value), Effect.logInfo("x").pipe(Effect.annotateLogs({ value }))),
        ),
      )
      const lines = yield* linesOf(all)
      expect(lines).toHaveLength(3 * given.length)
      for (const line of lines) expect(line.length).toBeLessThan(70_000)
    }),
  )
})

const letters = (characters: string, length: number) =>
  fc
    .array(fc.constantFrom(...characters), { minLength: length, maxLength: length })
    .map((all) => all.join(""))
const word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const secret = fc.oneof(
  letters(word, 55).map((rest) => `ak_live_${rest}`),
  letters(word, 32).map((rest) => `sk-${rest}`),
  letters(word, 32).map((rest) => `rt_${rest}`),
  fc.tuple(letters(word, 20), letters(word, 20), letters(word, 43)).map((parts) => `eyJ${parts.join(".")}`),
  letters(word, 20).map((rest) => `${rest}@example.co.kr`),
  letters("0123456789", 8).map((rest) => `010-${rest.slice(0, 4)}-${rest.slice(4)}`),
  letters("0123456789", 8).map((rest) => `+82 10 ${rest.slice(0, 4)} ${rest.slice(4)}`),
)
const name = fc.oneof(fc.string(), fc.constantFrom("user", "request_id", "trace_id", "time", "cause", "note"))

describe("the log and a secret", () => {
  /** Every way in which something gets into a line, with the secret in it. */
  const ways = (hidden: string, field: string): ReadonlyArray<Effect.Effect<unknown>> => {
    const deep = { a: [{ [field]: `x ${hidden}` }] }
    const failure = new Error(`outer ${hidden}`, { cause: new Error(`inner ${hidden}`) })
    return [
      say("info", `message ${hidden}`, { [field]: hidden, deep, [hidden]: 1 }),
      say("error", "failed", { failure }, failure),
      say("error", "failed", {}, { reason: hidden }),
      Effect.logInfo(`message ${hidden}`, deep, failure),
      Effect.logError("failed", Cause.fail(failure)),
      Effect.logInfo("annotated").pipe(Effect.annotateLogs({ [field]: hidden, deep })),
      Effect.logInfo("in a span").pipe(
        Effect.withSpan(`GET /${hidden}`, {
          attributes: {
            [spanAttribute.user]: hidden,
            [spanAttribute.tenant]: hidden,
            "millrace.request_id": hidden,
          },
        }),
      ),
      Effect.flatMap(NodeLog, (log) => Effect.sync(() => log.setNode("n1"))),
    ]
  }

  for (const format of ["json", "console"] as const)
    it(`never meet in a line, as ${format}`, async () => {
      await fc.assert(
        fc.asyncProperty(secret, name, async (hidden, field) => {
          const lines = await Effect.runPromise(linesOf(Effect.all(ways(hidden, field)), { format }))
          expect(lines).toHaveLength(7)
          for (const line of lines) expect(line).not.toContain(hidden)
        }),
        { numRuns: 300 },
      )
    })
})

describe("the log's variables", () => {
  it("have defaults that suit a terminal and a collector of lines", () => {
    const refuse = () => new Error("refused")
    expect(readLogConfig({}, true, refuse)).toEqual({
      format: "console",
      level: "info",
      requests: "slow",
      file: undefined,
    })
    expect(readLogConfig({ MILLRACE_LOG_FILE: "x.log" }, false, refuse)).toMatchObject({
      format: "json",
      file: { path: "x.log", mib: 50, filesMax: 10, ageDaysMax: 14 },
    })
  })

  it.each([
    { MILLRACE_LOG_FORMAT: "xml" },
    { MILLRACE_LOG_LEVEL: "loud" },
    { MILLRACE_LOG_REQUESTS: "some" },
    { MILLRACE_LOG_FILE_MIB: "0" },
    { MILLRACE_LOG_FILES: "many" },
  ])("are refused by name when they are not understood: %o", (environment) => {
    expect(() => readSettings(environment)).toThrow(BadSetting)
    expect(() => readSettings(environment)).toThrow(Object.keys(environment)[0])
  })
})

describe("without a layer", () => {
  it("the log tells errors only", () => {
    const log = Context.get(Context.empty(), NodeLog)
    expect([log.isOn("error"), log.isOn("warn")]).toEqual([true, false])
  })
})
