import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { type Deployment, deployed, implementation, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
const minuteMs = 60_000

const rings = (deployment: Deployment) =>
  deployment
    .entries()
    .flatMap(({ cause, now, events }) =>
      cause.t === "timer" && events !== undefined ? [{ key: cause.key, dueAt: cause.dueAt, now }] : [],
    )

/** Starts a node and gives what a test says to actor `a`. */
const setUp = (deployment: Deployment) =>
  Effect.map(deployment.start([recorder]), (node) => ({
    node,
    say: (command: (typeof RecorderProtocol)["Command"], key = "a") =>
      node.engine.ask(RecorderProtocol, key, command, { tenant }),
  }))

describe("a timer", () => {
  it(
    "fires once, when it is due, after a time or at a moment, and brings its payload",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { say } = yield* setUp(deployment)
        yield* say({ _tag: "Arm", id: "after", due: { afterMs: 1_000 } })
        const moment = deployment.time.now + 2_500
        yield* say({ _tag: "Arm", id: "at", due: { at: Math.ceil(moment) } })
        yield* Effect.sleep(10_000)
        const rung = rings(deployment)
        expect(rung.map(({ key }) => key)).toEqual(["ring:after", "ring:at"])
        for (const { dueAt, now } of rung) {
          expect(now - dueAt).toBeGreaterThanOrEqual(0)
          expect(now - dueAt).toBeLessThan(100)
        }
        const causes = deployment
          .entries()
          .flatMap(({ cause }) => (cause.t === "timer" ? [cause.payload] : []))
        expect(causes).toEqual([{ from: "after" }, { from: "at" }])
      }),
    ),
  )

  it(
    "of the past fires at once",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { say } = yield* setUp(deployment)
        yield* say({ _tag: "Arm", id: "past", due: { at: 5 } })
        yield* Effect.sleep(100)
        expect((yield* say({ _tag: "Read" })) as unknown).toEqual({ lines: ["rang past late"] })
      }),
    ),
  )

  it(
    "that is set again under its name is replaced, and one that is cleared does not fire",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { say } = yield* setUp(deployment)
        yield* say({ _tag: "Arm", id: "moved", due: { afterMs: 1_000 } })
        yield* say({ _tag: "Arm", id: "moved", due: { afterMs: 5_000 } })
        yield* say({ _tag: "Arm", id: "gone", due: { afterMs: 1_000 } })
        yield* say({ _tag: "Disarm", id: "gone" })
        yield* say({ _tag: "Disarm", id: "never set" })
        yield* Effect.sleep(3_000)
        expect(rings(deployment)).toEqual([])
        yield* Effect.sleep(10_000)
        expect(rings(deployment).map(({ key }) => key)).toEqual(["ring:moved"])
      }),
    ),
  )

  it(
    "by cron fires at every moment of its expression until it is cleared",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { say } = yield* setUp(deployment)
        yield* say({ _tag: "Arm", id: "c", due: { cron: "* * * * *", zone: "Europe/Berlin" } })
        const start = deployment.time.now
        yield* Effect.sleep(3 * minuteMs + 1_000)
        yield* say({ _tag: "Disarm", id: "c" })
        yield* Effect.sleep(2 * minuteMs)
        const first = Math.ceil((start + 1) / minuteMs) * minuteMs
        expect(rings(deployment).map(({ dueAt }) => dueAt)).toEqual(
          [0, 1, 2].map((index) => first + index * minuteMs),
        )
      }),
    ),
  )

  it(
    "by cron whose moments passed while no node ran fires once for all of them, then goes on in time",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { node, say } = yield* setUp(deployment)
        yield* say({ _tag: "Arm", id: "c", due: { cron: "* * * * *" } })
        yield* node.crash
        yield* Effect.sleep(10 * minuteMs)
        const restartedAt = deployment.time.now
        yield* deployment.start([recorder])
        yield* Effect.sleep(2 * minuteMs)
        const [late, ...onTime] = rings(deployment)
        expect(late!.now).toBeGreaterThanOrEqual(restartedAt)
        expect(restartedAt - late!.dueAt).toBeGreaterThan(8 * minuteMs)
        expect(onTime).toHaveLength(2)
        for (const { now, dueAt } of onTime) expect(now - dueAt).toBeLessThan(1_000)
      }),
    ),
  )

  for (const how of ["crash", "leave"] as const) {
    it(
      `that came due while no node ran fires once afterwards, and says when it was due (${how})`,
      deployed((deployment) =>
        Effect.gen(function* () {
          const { node, say } = yield* setUp(deployment)
          yield* say({ _tag: "Arm", id: "late", due: { afterMs: 2_000 } })
          yield* say({ _tag: "Arm", id: "cleared", due: { afterMs: 2_000 } })
          yield* say({ _tag: "Disarm", id: "cleared" })
          const dueAt = deployment.time.now + 2_000
          yield* node[how]
          yield* Effect.sleep(60_000)
          const next = yield* deployment.start([recorder])
          yield* Effect.sleep(1_000)
          yield* next.crash
          yield* deployment.start([recorder])
          yield* Effect.sleep(1_000)
          const [only, ...more] = rings(deployment)
          expect(more).toEqual([])
          expect(Math.abs(only!.dueAt - dueAt)).toBeLessThan(50)
        }),
      ),
    )
  }

  it(
    "beyond the number that an actor may have is refused by its limit, and the others stay",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { say } = yield* setUp(deployment)
          yield* say({ _tag: "ArmMany", from: 0, count: 3, afterMs: 1_000 })
          const failed = yield* Effect.flip(say({ _tag: "Arm", id: "3", due: { afterMs: 1_000 } }))
          expect(failed).toMatchObject({ code: "TooManyTimers", accepted: true })
          expect((failed as Error).message).toContain("actorTimersMax (3)")
          yield* Effect.sleep(2_000)
          expect(rings(deployment)).toHaveLength(3)
        }),
      { node: { limits: { actorTimersMax: 3 } } },
    ),
  )

  it(
    "that can never be due fails its command and changes nothing",
    deployed((deployment) =>
      Effect.gen(function* () {
        const { say } = yield* setUp(deployment)
        for (const cron of ["0 0 30 2 *", "no cron"]) {
          const failed = yield* Effect.flip(say({ _tag: "Arm", id: "n", due: { cron } }))
          expect(failed).toMatchObject({ code: "ActorFailed" })
        }
        expect((yield* say({ _tag: "Read" })) as unknown).toEqual({ lines: [] })
      }),
    ),
  )
})

describe("100,000 pending timers", () => {
  it(
    "survive crashes of their node and fire once each",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const { node, say } = yield* setUp(deployment)
          const actors = Array.from({ length: 100 }, (_, index) => `actor-${index}`)
          yield* Effect.forEach(
            actors,
            (key) => say({ _tag: "ArmMany", from: 0, count: 1_000, afterMs: 20_000 }, key),
            { concurrency: "unbounded" },
          )
          const dueAt = deployment.time.now + 20_000
          // Once with a checkpoint, once with a tail.
          yield* Effect.sleep(5_000)
          yield* node.crash
          const second = yield* deployment.start([recorder])
          yield* Effect.sleep(Math.max(0, dueAt - deployment.time.now) + 60)
          yield* second.crash
          const before = rings(deployment).length
          expect(before > 0 && before < 100_000).toBe(true)
          yield* deployment.start([recorder])
          yield* Effect.sleep(10_000)
          const keys = deployment
            .entries()
            .flatMap(({ cause, to }) => (cause.t === "timer" ? [`${to} ${cause.key}`] : []))
          expect(keys).toHaveLength(100_000)
          expect(new Set(keys).size).toBe(100_000)
        }),
      { partitions: 2, node: { limits: { checkpointEveryMs: 2_000 } } },
    ),
  )
})
