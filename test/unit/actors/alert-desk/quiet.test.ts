import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { patternCharactersMax } from "../../../../actors/alert-desk/limits.ts"
import { matcherProblems } from "../../../../actors/alert-desk/matchers.ts"
import { isOn, maintenanceProblems, windowOf } from "../../../../actors/alert-desk/quiet.ts"
import type { EngineShape } from "../../../../engine/index.ts"
import { inhibitionsMax, type Maintenance, type Matcher, type Silence } from "../../../../schemas/index.ts"
import {
  acted,
  desk,
  fingerprint,
  lines,
  notify,
  on,
  takes,
  transition,
} from "../../../support/alert-desk.ts"
import { rejectionOf } from "../../../support/product.ts"

const matcher = (name: string, value: string, operator: Matcher["operator"] = "="): Matcher => ({
  name,
  value,
  operator,
})
const silence = (now: number, lastsMs: number, matchers = [matcher("host", "a")]): Silence => ({
  id: "silence-1",
  matchers,
  startsAt: now,
  endsAt: now + lastsMs,
  createdBy: "ann",
  comment: "known",
})

const some = Effect.sleep(15_000)
const read = (engine: EngineShape, host = "a") =>
  desk(engine, { _tag: "Read", fingerprint: fingerprint(host) })

describe("a silence", () => {
  on("keeps what fits quiet, and what still fires when it ends is told then", (engine, product) =>
    Effect.gen(function* () {
      yield* desk(engine, { _tag: "PutSilence", silence: silence(product.time.now, 60_000), by: "ann" })
      const policy = { actions: [notify(), { type: "ask_ops", question: "why" } as const] }
      yield* takes(engine, transition(1, "firing", { policy }), transition(1, "firing", { host: "b" }))
      yield* some
      expect(lines(product)).toEqual(["ops new firing:b"])
      expect(acted(product)).toEqual([])
      expect((yield* read(engine)).quietBy).toEqual(["silence-1"])
      yield* Effect.sleep(50_000)
      expect(lines(product)).toEqual(["ops new firing:b", "ops new firing:a"])
      expect(acted(product)).toHaveLength(1)
      expect((yield* read(engine)).quietBy).toEqual([])
    }),
  )

  on("that outlasts its alert leaves nothing to be told or done", (engine, product) =>
    Effect.gen(function* () {
      yield* desk(engine, { _tag: "PutSilence", silence: silence(product.time.now, 60_000), by: "ann" })
      const policy = { actions: [notify(), { type: "ask_ops", question: "why" } as const] }
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* some
      yield* takes(engine, transition(2, "resolved", { policy }))
      yield* Effect.sleep(120_000)
      expect([lines(product), acted(product)]).toEqual([[], []])
    }),
  )

  on("holds for alerts that were told before, and ends at once by hand", (engine, product) =>
    Effect.gen(function* () {
      const policy = { repeatMs: 20_000 }
      yield* takes(engine, transition(1, "firing", { policy }))
      yield* Effect.sleep(5_000)
      yield* desk(engine, { _tag: "PutSilence", silence: silence(product.time.now, 3_600_000), by: "ann" })
      expect((yield* read(engine)).quietBy).toEqual(["silence-1"])
      yield* Effect.sleep(100_000)
      expect(lines(product)).toEqual(["ops new firing:a"])
      yield* desk(engine, { _tag: "EndSilence", id: "silence-1", by: "bob" })
      yield* Effect.sleep(1_000)
      expect(lines(product)).toEqual(["ops new firing:a", "ops repeat firing:a"])
      expect(yield* rejectionOf(desk(engine, { _tag: "EndSilence", id: "silence-1", by: "bob" }))).toEqual({
        _tag: "QuietUnknown",
      })
    }),
  )

  on("begins when it says", (engine, product) =>
    Effect.gen(function* () {
      const later = { ...silence(product.time.now, 120_000), startsAt: product.time.now + 60_000 }
      yield* desk(engine, { _tag: "PutSilence", silence: later, by: "ann" })
      yield* takes(engine, transition(1, "firing"))
      yield* some
      expect(lines(product)).toEqual(["ops new firing:a"])
      yield* Effect.sleep(50_000)
      expect((yield* read(engine)).quietBy).toEqual(["silence-1"])
      yield* Effect.sleep(60_000)
      expect((yield* read(engine)).quietBy).toEqual([])
      const { silences } = yield* desk(engine, { _tag: "ReadQuiet", of: "silences" })
      expect(silences).toEqual([])
    }),
  )

  on("that is over, or matches everything, is refused with the field", (engine, product) =>
    Effect.gen(function* () {
      const put = (given: Silence) =>
        rejectionOf(desk(engine, { _tag: "PutSilence", silence: given, by: "ann" }))
      expect(yield* put(silence(product.time.now - 10, 5))).toMatchObject({
        problems: [{ field: "ends_at" }],
      })
      const all = silence(product.time.now, 1_000, [matcher("host", ".*", "=~")])
      expect(yield* put(all)).toMatchObject({ _tag: "BadQuiet", problems: [{ field: "matchers" }] })
    }),
  )
})

describe("matchers", () => {
  const cases: ReadonlyArray<readonly [Matcher, boolean]> = [
    [matcher("host", "a"), true],
    [matcher("host", "b", "!="), true],
    [matcher("host", "a|b", "=~"), true],
    [matcher("host", "aa|b", "=~"), false],
    [matcher("host", "b.*", "!~"), true],
    [matcher("alertname", "Rule cpu"), true],
    [matcher("rule", "cpu"), true],
    [matcher("severity", "critical|warning", "=~"), true],
    [matcher("absent", "x", "!="), true],
    [matcher("absent", "x"), false],
  ]
  for (const [one, fits] of cases) {
    on(`${one.name}${one.operator}${one.value} ${fits ? "fits" : "does not fit"}`, (engine, product) =>
      Effect.gen(function* () {
        const matchers = [one, matcher("host", "a")]
        yield* desk(engine, {
          _tag: "PutSilence",
          silence: silence(product.time.now, 60_000, matchers),
          by: "ann",
        })
        yield* takes(engine, transition(1, "firing"))
        expect((yield* read(engine)).quietBy).toEqual(fits ? ["silence-1"] : [])
      }),
    )
  }

  it("with a pattern that is none, too long or not RE2's are refused with the place", () => {
    const fields = (value: string) =>
      matcherProblems("matchers", [matcher("host", value, "=~")]).map(({ field }) => field)
    expect(fields("a(")).toEqual(["matchers.0.value"])
    expect(fields("(?=a)b")).toEqual(["matchers.0.value"])
    expect(fields("a".repeat(201))).toEqual(["matchers.0.value"])
    expect(fields("(a+)+b")).toEqual([])
  })
})

describe("planned work", () => {
  const weekly: Maintenance = {
    id: "maintenance-1",
    name: "Sundays at two",
    matchers: [matcher("host", "a")],
    cron: "0 2 * * 0",
    timeZone: "Europe/Berlin",
    lastsMs: 2 * 3_600_000,
    createdBy: "ann",
  }

  it("comes at its time of day on both sides of a change of the clocks, and lasts as long", () => {
    const at = (text: string) => Date.parse(text)
    // On 2026-03-29 there is no 02:00 in Berlin, on 2026-10-25 there are two.
    const windows = ["2026-03-21T12:00Z", "2026-04-04T12:00Z", "2026-10-17T12:00Z", "2026-10-31T12:00Z"].map(
      (text) => new Date(windowOf(weekly, at(text))!.from).toISOString(),
    )
    expect(windows).toEqual([
      "2026-03-22T01:00:00.000Z",
      "2026-04-05T00:00:00.000Z",
      "2026-10-18T00:00:00.000Z",
      "2026-11-01T01:00:00.000Z",
    ])
    const spring = windowOf(weekly, at("2026-03-28T12:00Z"))!
    expect(spring.to - spring.from).toBe(2 * 3_600_000)
    expect(isOn(windowOf(weekly, at("2026-04-05T01:59:59Z")), at("2026-04-05T01:59:59Z"))).toBe(true)
    expect(isOn(windowOf(weekly, at("2026-04-05T02:00:00Z")), at("2026-04-05T02:00:00Z"))).toBe(false)
  })

  it("without a time, with two, or with one that never comes is refused with the field", () => {
    const fields = (given: Partial<Maintenance>) =>
      maintenanceProblems({ ...weekly, ...given }, 0).map(({ field }) => field)
    expect(fields({})).toEqual([])
    expect(fields({ startsAt: 1, endsAt: 2 })).toEqual(["cron"])
    expect(fields({ cron: "0 2 * *" })).toEqual(["cron"])
    expect(fields({ cron: "0 2 30 2 *" })).toEqual(["cron"])
    expect(fields({ timeZone: "Europe/Atlantis" })).toEqual(["time_zone"])
    expect(fields({ lastsMs: 0 })).toEqual(["duration"])
  })

  on("keeps alerts quiet each time that it comes, and tells what goes on after it", (engine, product) =>
    Effect.gen(function* () {
      const { now } = product.time
      const minute = new Date(now + 120_000)
      const { timeZone: _, ...rest } = weekly
      const hourly = { ...rest, cron: `${minute.getUTCMinutes()} * * * *`, lastsMs: 300_000 }
      yield* desk(engine, { _tag: "PutMaintenance", maintenance: hourly, by: "ann" })
      for (const hour of [1, 2]) {
        yield* Effect.sleep(180_000)
        yield* takes(engine, transition(hour * 10, "firing"))
        yield* some
        expect((yield* read(engine)).quietBy).toEqual(["maintenance-1"])
        expect(lines(product)).toHaveLength((hour - 1) * 2)
        yield* Effect.sleep(300_000)
        expect(lines(product).at(-1)).toMatch(/firing:a$/)
        yield* takes(engine, transition(hour * 10 + 1, "resolved"))
        yield* Effect.sleep(3_600_000 - 495_000)
      }
      expect(lines(product)).toHaveLength(4)
    }),
  )

  on("once ends and is forgotten", (engine, product) =>
    Effect.gen(function* () {
      const { now } = product.time
      const { cron: _1, lastsMs: _2, timeZone: _3, ...rest } = weekly
      const once = { ...rest, startsAt: now, endsAt: now + 60_000 }
      yield* desk(engine, { _tag: "PutMaintenance", maintenance: once, by: "ann" })
      yield* takes(engine, transition(1, "firing"))
      yield* some
      expect(lines(product)).toEqual([])
      yield* Effect.sleep(60_000)
      expect(lines(product)).toEqual(["ops new firing:a"])
      expect((yield* desk(engine, { _tag: "ReadQuiet", of: "maintenances" })).maintenances).toEqual([])
    }),
  )
})

describe("an inhibition", () => {
  const inhibition = {
    id: "inhibition-1",
    source: [matcher("rule", "host-down")],
    target: [matcher("rule", "host-down", "!=")],
    equal: ["host"],
  }
  const down = (number: number, to: "firing" | "resolved") => transition(number, to, { rule: "host-down" })

  on("keeps quiet what fits and agrees in its labels while the source fires", (engine, product) =>
    Effect.gen(function* () {
      yield* desk(engine, { _tag: "PutInhibition", inhibition, by: "ann" })
      yield* takes(engine, transition(1, "firing"), transition(1, "firing", { host: "b" }), down(1, "firing"))
      yield* some
      expect([...lines(product)].sort()).toEqual(["ops new firing:a", "ops new firing:b"])
      expect((yield* read(engine)).quietBy).toEqual(["inhibition-1"])
      yield* takes(engine, down(2, "resolved"))
      yield* some
      expect(lines(product).slice(2).toSorted()).toEqual(["ops new firing:a", "ops resolved resolved:a"])
      expect((yield* read(engine)).quietBy).toEqual([])
    }),
  )

  on("that is removed lets go", (engine, product) =>
    Effect.gen(function* () {
      yield* desk(engine, { _tag: "PutInhibition", inhibition, by: "ann" })
      yield* takes(engine, transition(1, "firing"), down(1, "firing"))
      yield* some
      expect(lines(product)).toHaveLength(1)
      yield* desk(engine, { _tag: "RemoveInhibition", id: "inhibition-1", by: "ann" })
      yield* some
      expect(lines(product)).toHaveLength(2)
    }),
  )

  on("has a bounded number of others beside it", (engine) =>
    Effect.gen(function* () {
      const put = (id: string) =>
        desk(engine, { _tag: "PutInhibition", inhibition: { ...inhibition, id }, by: "ann" })
      for (let count = 0; count < inhibitionsMax; count++) yield* put(`i${count}`)
      expect(yield* rejectionOf(put("more"))).toEqual({
        _tag: "TooMany",
        limit: "inhibitions",
        max: inhibitionsMax,
      })
    }),
  )

  on("and silences have a bounded number of characters in all their patterns together", (engine, product) =>
    Effect.gen(function* () {
      const patterns = Array.from({ length: 20 }, () => matcher("host", "a".repeat(200), "=~"))
      const put = (id: string, matchers = patterns) =>
        desk(engine, {
          _tag: "PutSilence",
          silence: { ...silence(product.time.now, 60_000, matchers), id },
          by: "ann",
        })
      const room = Math.floor(patternCharactersMax / 4_000)
      for (let count = 0; count < room; count++) yield* put(`s${count}`)
      expect(yield* rejectionOf(put("more"))).toEqual({
        _tag: "TooMany",
        limit: "characters of regular expressions",
        max: patternCharactersMax,
      })
      yield* put("s0")
      yield* put("plain", [matcher("host", "b")])
    }),
  )
})
