/** Clients of the simulated deployment: they send operations, note what they were told, and ask again where they may. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type EngineError, Rejected } from "../../engine/index.ts"
import { LedgerProtocol } from "./ledger.ts"
import type { LiveNode, World } from "./world.ts"

export type Command = (typeof LedgerProtocol)["Command"]

/** What a client knows of one operation in the end. */
export type Knowledge = "applied" | "rejected" | "failed" | "refused" | "unknown"

export interface Operation {
  readonly client: number
  readonly id: string
  readonly actor: string
  readonly command: Command
  readonly knowledge: Knowledge
  readonly reply: unknown
}

export const actors = ["a", "b", "c", "d", "e"]
const tenant = "t"
/** A keyed operation that has no answer after so many tries is a loss. */
const triesMax = 200

type Told = readonly [Knowledge, unknown]

const toldOf = (error: EngineError | Rejected): Told => {
  if (error instanceof Rejected) return ["rejected", error.rejection]
  if (error.code === "ActorFailed") return ["failed", error]
  return error.accepted === false ? ["refused", error] : ["unknown", error]
}

const once = (
  node: LiveNode,
  actor: string,
  command: Command,
  how: "tell" | "ask",
  key?: string,
): Effect.Effect<Told> => {
  const options = { tenant, ...(key === undefined ? {} : { idempotencyKey: key }) }
  const call: Effect.Effect<unknown, EngineError | Rejected> =
    how === "tell"
      ? node.engine.tell(LedgerProtocol, actor, command, options)
      : node.engine.ask(LedgerProtocol, actor, command, options)
  return Effect.raceFirst(
    call.pipe(
      Effect.map((reply): Told => ["applied", reply]),
      Effect.catch((error) => Effect.succeed(toldOf(error))),
    ),
    Effect.as(Deferred.await(node.faults.crashed), ["unknown", undefined] as Told),
  )
}

export const client = Effect.fnUntraced(function* (
  world: World,
  client: number,
  count: number,
  done: (operation: Operation) => void,
) {
  const { random } = world.time
  const pickActor = () => actors[Math.floor(random.next() * actors.length)]!
  for (let serial = 0; serial < count; serial++) {
    const id = `${client}.${serial}`
    const actor = pickActor()
    const [command, keyed, how] = draw(random.next(), id, () => random.next(), pickActor)
    let told: Told = ["unknown", undefined]
    for (let attempt = 0; attempt < triesMax; attempt++) {
      const node = world.pick()
      if (node !== undefined) told = yield* once(node, actor, command, how, keyed ? id : undefined)
      if (told[0] !== "unknown" && told[0] !== "refused") break
      if (!keyed && node !== undefined) break
      yield* world.time.sleep(200 + random.next() * 800)
    }
    done({ client, id, actor, command, knowledge: told[0], reply: told[1] })
    yield* world.time.sleep(random.next() * 150)
  }
})

/** Which operation, whether it carries an idempotency key, and whether its sender waits for the answer. */
const draw = (
  choice: number,
  operation: string,
  next: () => number,
  pickActor: () => string,
): readonly [Command, boolean, "tell" | "ask"] => {
  const amount = 1 + Math.floor(next() * 20)
  if (choice < 0.2) return [{ _tag: "Deposit", operation, amount }, true, "ask"]
  if (choice < 0.3) return [{ _tag: "Deposit", operation, amount }, false, "ask"]
  if (choice < 0.4) return [{ _tag: "Deposit", operation, amount }, false, "tell"]
  if (choice < 0.7) return [{ _tag: "Transfer", operation, amount, to: pickActor() }, next() < 0.7, "ask"]
  if (choice < 0.8) return [{ _tag: "Remind", operation, afterMs: Math.floor(next() * 6_000) }, true, "ask"]
  if (choice < 0.9) return [{ _tag: "Work", operation, steps: Math.floor(next() * 5) }, true, "ask"]
  if (choice < 0.97)
    return [{ _tag: "AwaitRing", operation, afterMs: Math.floor(next() * 2_000) }, true, "ask"]
  return [{ _tag: "Poison", operation }, true, "ask"]
}
