/**
 * One simulated run of conversations: people talk with agents and give them tasks while nodes die, freeze and lose what
 * they are told; then calm, and every promise is checked against the journals. Everything follows from the seed.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeStores } from "../../../engine/testkit/memory-deployment.ts"
import { VirtualTime } from "../../../engine/testkit/virtual-time.ts"
import { AgentProtocol, isEnded, type SessionEvent, type TaskEvent } from "../../../schemas/index.ts"
import { World } from "../world.ts"
import { check } from "./checker.ts"
import { Model } from "./model.ts"
import { type Asked, agents, asking, type Client, followSession, followTask, order, talk } from "./people.ts"
import { Index, type Replace, softwareWith } from "./software.ts"
import { isIndexed, type Truth, truthOf } from "./truth.ts"
import { type Figures, noFigures } from "./turns.ts"

export interface Report extends Figures {
  readonly seed: string
  readonly violations: ReadonlyArray<string>
  readonly crashes: number
  readonly freezes: number
  readonly virtualSeconds: number
}

const sessionKeys = ["s1", "s2", "s3"]
const taskKeys = ["t1", "t2", "t3", "t4"]
/** What agents are told is on its way a little longer. */
const toldMs = 60_000
/** After the storm all must be quiet within this virtual time: an index that was away long is tried every 15 minutes. */
const settleMs = 40 * 60_000

const clientOf = (key: string): Client<never> => ({ key, seen: [], heard: [], over: false })

const settings: Record<
  (typeof agents)[number],
  { readonly transferTo: ReadonlyArray<string>; readonly fails: boolean }
> = {
  a: { transferTo: ["b", "c"], fails: false },
  b: { transferTo: ["c", "d"], fails: false },
  c: { transferTo: [], fails: false },
  d: { transferTo: ["a"], fails: true },
}

const register = (world: World, id: (typeof agents)[number]) =>
  asking(world, AgentProtocol, id, {
    _tag: "Register",
    name: id,
    framework: "llm",
    description: "",
    skills: [],
    llm: { transferTo: settings[id].transferTo },
    ...(settings[id].fails ? { onInterruption: "fail" as const } : {}),
  })

const isQuiet = (truth: Truth): boolean =>
  [...truth.sessions.values()].every(({ state }) => state.active === undefined && isIndexed(state)) &&
  [...truth.tasks.values()].every(({ state }) => isEnded(state.status))

export const simulate = (seed: string, replace?: Replace): Report => {
  const time = new VirtualTime(seed)
  const start = time.now
  const stores = makeStores({ now: () => time.now, dropsRepeats: time.random.next() < 0.5 })
  const [model, index, figures] = [new Model(time.random), new Index(), noFigures()]
  const world = new World(time, stores, softwareWith(model, index, replace))
  const violations: Array<string> = []
  const asked: Array<Asked> = []
  const sessions: Array<Client<SessionEvent>> = [...sessionKeys, ...sessionKeys].map(clientOf)
  const tasks: Array<Client<TaskEvent>> = [...taskKeys, ...taskKeys].map(clientOf)
  const all = { concurrency: "unbounded", discard: true } as const

  const scenario = Effect.gen(function* () {
    const keeper = yield* Effect.forkChild(world.keep)
    yield* Effect.forkScoped(world.disturb)
    yield* Effect.forEach(agents, (id) => register(world, id), all)
    const following = yield* Effect.forkChild(
      Effect.all(
        [
          Effect.forEach(sessions, (client) => followSession(world, client), all),
          Effect.forEach(tasks, (client) => followTask(world, client), all),
        ],
        all,
      ),
    )
    const talking = yield* Effect.forkChild(
      Effect.all(
        [
          Effect.forEach(sessionKeys, (key) => talk(world, key, (answer) => asked.push(answer)), all),
          Effect.forEach(taskKeys, (key) => order(world, key), all),
        ],
        all,
      ),
    )
    yield* Effect.raceFirst(Fiber.await(talking), time.sleep(120_000))
    world.settle()
    yield* Fiber.join(talking)
    const deadline = time.now + settleMs
    const isDone = () => {
      const truth = truthOf(stores)
      return (
        isQuiet(truth) &&
        sessions.every(
          ({ key, seen, over }) => over || seen.length >= truth.sessions.get(key)!.events.length,
        ) &&
        tasks.every(({ key, seen }) => seen.length >= truth.tasks.get(key)!.events.length)
      )
    }
    while (time.now < deadline && !isDone()) yield* time.sleep(10_000)
    const observed = { runs: model.runs, asked, sessions, tasks, index }
    const broken = () => check(truthOf(stores), observed, noFigures())
    for (let waitedMs = 0; waitedMs < toldMs && broken().length > 0; waitedMs += 5_000)
      yield* time.sleep(5_000)
    violations.push(...check(truthOf(stores), observed, figures))
    yield* Fiber.interrupt(following)
    yield* Fiber.interrupt(keeper)
  })

  try {
    const exit = time.run(
      Effect.scoped(
        Effect.timeoutOrElse(scenario, {
          duration: 4 * settleMs,
          orElse: () => Effect.die("did not settle"),
        }),
      ),
    )
    if (exit._tag === "Failure") violations.push(`the run failed: ${Cause.pretty(exit.cause)}`)
  } catch (thrown) {
    violations.push(
      `the run broke: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
    )
  }
  return {
    seed,
    violations,
    ...figures,
    crashes: world.crashes,
    freezes: world.freezes,
    virtualSeconds: Math.round((time.now - start) / 1_000),
  }
}
