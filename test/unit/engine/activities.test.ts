import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { ActivityFailure, type ActivityRun, type Implementation } from "../../../engine/index.ts"
import {
  type Deployment,
  deployed,
  eventually,
  implementation,
  type TestNode,
  tenant,
} from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

type Run = ActivityRun<number>
type Work = (task: string, run: Run) => Effect.Effect<unknown, ActivityFailure>

const working = (work: Work): Implementation => implementation(Recorder, { work: work as never })
const failure = (code: string, retryable: boolean, retryAfterMs?: number) =>
  new ActivityFailure({
    code,
    detail: "why",
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
const say = (node: TestNode, command: (typeof RecorderProtocol)["Command"], key = "a") =>
  node.engine.ask(RecorderProtocol, key, command, { tenant })
const lines = (node: TestNode, key = "a") =>
  Effect.map(say(node, { _tag: "Read" }, key), (read) => (read as { readonly lines: unknown }).lines)
const settled = (deployment: Deployment) =>
  eventually(() => deployment.entries().some(({ cause }) => cause.t === "settled"))

describe("an activity", () => {
  it(
    "runs beside the mailbox, so that its actor stays answerable, and brings its result",
    deployed((deployment) =>
      Effect.gen(function* () {
        const node = yield* deployment.start([
          working((task) => Effect.as(Effect.sleep(3_000), task.toUpperCase())),
        ])
        yield* say(node, { _tag: "Run", id: "r", task: "shout" })
        yield* say(node, { _tag: "Note", line: "meanwhile" })
        yield* settled(deployment)
        expect(yield* lines(node)).toEqual(["meanwhile", "settled r: SHOUT"])
      }),
    ),
  )

  it(
    "is tried again with growing pauses as often as its policy says, then its failure arrives",
    deployed((deployment) =>
      Effect.gen(function* () {
        const attempts: Array<readonly [attempt: number, at: number]> = []
        const node = yield* deployment.start([
          working((_task, run) =>
            Effect.suspend(() => {
              attempts.push([run.attempt, deployment.time.now])
              return Effect.fail(failure("Flaky", true))
            }),
          ),
        ])
        yield* say(node, { _tag: "Run", id: "r", task: "x" })
        yield* settled(deployment)
        expect(attempts.map(([attempt]) => attempt)).toEqual([1, 2, 3])
        const [first, second] = [1, 2].map((index) => attempts[index]![1] - attempts[index - 1]![1])
        expect(first).toBeLessThanOrEqual(1_000)
        expect(second).toBeLessThanOrEqual(2_000)
        expect(first! + second!).toBeGreaterThan(0)
        expect(yield* lines(node)).toEqual(["settled r: Flaky why"])
      }),
    ),
  )

  it(
    "waits at least as long as its failure asks for",
    deployed((deployment) =>
      Effect.gen(function* () {
        const at: Array<number> = []
        const node = yield* deployment.start([
          working((_task, run) =>
            Effect.suspend(() => {
              at.push(deployment.time.now)
              return run.attempt === 1 ? Effect.fail(failure("Busy", true, 30_000)) : Effect.succeed("done")
            }),
          ),
        ])
        yield* say(node, { _tag: "Run", id: "r", task: "x" })
        yield* settled(deployment)
        expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(30_000)
        expect(yield* lines(node)).toEqual(["settled r: done"])
      }),
    ),
  )

  it(
    "is not tried again after a failure that no repetition helps, nor after a defect",
    deployed((deployment) =>
      Effect.gen(function* () {
        const attempts: Array<string> = []
        const node = yield* deployment.start([
          working((task) =>
            Effect.suspend(() => {
              attempts.push(task)
              return task === "defect" ? Effect.die(new Error("bug")) : Effect.fail(failure("Refused", false))
            }),
          ),
        ])
        yield* say(node, { _tag: "Run", id: "1", task: "refused" })
        yield* settled(deployment)
        yield* say(node, { _tag: "Run", id: "2", task: "defect" })
        yield* Effect.sleep(10_000)
        expect(attempts).toEqual(["refused", "defect"])
        expect(yield* lines(node)).toEqual(["settled 1: Refused why", "settled 2: Defect Error: bug"])
      }),
    ),
  )

  it(
    "is ended when an attempt takes too long, and tried again",
    deployed((deployment) =>
      Effect.gen(function* () {
        let ended = 0
        const node = yield* deployment.start([
          working((_task, run) =>
            run.attempt < 3
              ? Effect.onInterrupt(Effect.never, () =>
                  Effect.sync(() => {
                    ended += 1
                  }),
                )
              : Effect.succeed("third"),
          ),
        ])
        yield* say(node, { _tag: "Run", id: "r", task: "x" })
        yield* settled(deployment)
        expect(ended).toBe(2)
        expect(yield* lines(node)).toEqual(["settled r: third"])
        const node2 = yield* deployment.start([working(() => Effect.never)])
        yield* node.leave
        yield* say(node2, { _tag: "Run", id: "r", task: "x" }, "b")
        yield* Effect.sleep(30_000)
        expect(yield* lines(node2, "b")).toEqual(["settled r: Timeout no result within 5000 ms"])
      }),
    ),
  )

  it(
    "that is cancelled stops, and its outcome does not arrive any more, also not after a restart",
    deployed((deployment) =>
      Effect.gen(function* () {
        let stopped = 0
        const never = working(() =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.sync(() => {
              stopped += 1
            }),
          ),
        )
        const node = yield* deployment.start([never])
        yield* say(node, { _tag: "Run", id: "r", task: "x" })
        yield* Effect.sleep(500)
        yield* say(node, { _tag: "Cancel", id: "r" })
        yield* Effect.sleep(100)
        expect(stopped).toBe(1)
        yield* node.crash
        const next = yield* deployment.start([working(() => Effect.succeed("ran again"))])
        yield* Effect.sleep(1_000)
        expect(yield* lines(next)).toEqual(["cancelled r"])
        yield* say(next, { _tag: "Cancel", id: "unheard of" })
      }),
    ),
  )

  it(
    "is started again after a crash and told how far it came; its reports stand once each and in order",
    deployed((deployment) =>
      Effect.gen(function* () {
        const starts: Array<readonly [progressed: number, resumed: boolean, key: string]> = []
        const counting = working((_task, run) =>
          Effect.gen(function* () {
            starts.push([run.progressed, run.resumed, run.key])
            for (let step = run.progressed; step < 6; step++) {
              yield* Effect.sleep(400)
              yield* run.emit(step)
            }
            return "done"
          }),
        )
        const node = yield* deployment.start([counting])
        yield* say(node, { _tag: "Run", id: "r", task: "x" })
        const reported = () => deployment.entries().filter(({ cause }) => cause.t === "progress").length
        yield* eventually(() => reported() >= 2)
        yield* node.crash
        const second = yield* deployment.start([counting])
        yield* eventually(() => reported() >= 4)
        yield* second.leave
        const third = yield* deployment.start([counting])
        yield* settled(deployment)
        expect(yield* lines(third)).toEqual([
          ...[0, 1, 2, 3, 4, 5].map((step) => `progress r: ${step}`),
          "settled r: done",
        ])
        expect(starts.map(([, resumed]) => resumed)).toEqual([false, true, true])
        expect(starts[0]![0]).toBe(0)
        expect(starts[1]![0]).toBeGreaterThanOrEqual(2)
        expect(starts[2]![0]).toBeGreaterThanOrEqual(4)
        // The key by which other systems recognise it stays the same.
        expect(new Set(starts.map(([, , key]) => key)).size).toBe(1)
      }),
    ),
  )

  it(
    "that this node cannot run, and one whose result does not fit its schema, arrive as failures",
    deployed((deployment) =>
      Effect.gen(function* () {
        const node = yield* deployment.start([implementation(Recorder)])
        yield* say(node, { _tag: "Run", id: "r", task: "x" })
        yield* settled(deployment)
        const [line] = (yield* lines(node)) as ReadonlyArray<string>
        expect(line).toContain("settled r: NotImplemented")
        yield* node.leave
        const wrong = yield* deployment.start([working(() => Effect.succeed(5))])
        yield* say(wrong, { _tag: "Run", id: "w", task: "x" }, "b")
        yield* Effect.sleep(1_000)
        expect(yield* lines(wrong, "b")).toMatchObject([expect.stringContaining("settled w: Defect")])
      }),
    ),
  )

  it(
    "waits its turn when too many run in the node, and beyond the number of its actor is refused",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          let running = 0
          let most = 0
          const slow = working(() =>
            Effect.gen(function* () {
              running += 1
              most = Math.max(most, running)
              yield* Effect.sleep(1_000)
              running -= 1
              return "done"
            }),
          )
          const node = yield* deployment.start([slow])
          for (const id of ["1", "2", "3"]) yield* say(node, { _tag: "Run", id, task: "x" })
          const refused = yield* Effect.flip(say(node, { _tag: "Run", id: "4", task: "x" }))
          expect((refused as Error).message).toContain("actorActivitiesMax (3)")
          yield* Effect.sleep(5_000)
          expect(most).toBe(2)
          expect(yield* lines(node)).toEqual(["1", "2", "3"].map((id) => `settled ${id}: done`))
        }),
      { node: { limits: { activitiesRunningMax: 2, actorActivitiesMax: 3 } } },
    ),
  )
})
