/** Who talks in the simulation and who listens: people who ask again when they get no answer, and clients that reconnect. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type EngineError, Rejected } from "../../../engine/index.ts"
import {
  type AnyProtocol,
  ChatSessionProtocol,
  type ReplyOf,
  type SessionEvent,
  sessionTopic,
  type TaskEvent,
  TaskProtocol,
  taskTopic,
} from "../../../schemas/index.ts"
import type { World } from "../world.ts"
import { manners } from "./model.ts"

export const tenant = "t"
const triesMax = 400

export type Told<R> = { readonly reply: R } | { readonly rejected: string }

/** Asks one node after the other until one answers. */
export const asking = Effect.fnUntraced(function* <P extends AnyProtocol, const C extends P["Command"]>(
  world: World,
  protocol: P,
  key: string,
  command: C,
): Effect.fn.Return<Told<ReplyOf<P, C["_tag"]>>> {
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const node = world.pick()
    if (node !== undefined) {
      const call: Effect.Effect<ReplyOf<P, C["_tag"]>, EngineError | Rejected> = node.engine.ask(
        protocol,
        key,
        command,
        { tenant, principal: "ann" },
      )
      const told = yield* Effect.raceFirst(
        Effect.result(call),
        Effect.as(Deferred.await(node.faults.crashed), undefined),
      )
      if (told?._tag === "Success") return { reply: told.success }
      if (told?._tag === "Failure" && told.failure instanceof Rejected)
        return { rejected: (told.failure.rejection as { readonly _tag: string })._tag }
    }
    yield* world.time.sleep(100 + world.time.random.next() * 500)
  }
  return yield* Effect.die(new Error(`nobody answered ${command._tag} of ${protocol.kind} ${key}`))
})

export interface Numbered {
  readonly n: number
}

/** A client: what it was given, in order, and all that it heard. */
export interface Client<E extends Numbered> {
  readonly key: string
  readonly seen: Array<E>
  readonly heard: Array<E>
  /** There is no such thing any more. */
  over: boolean
}

interface Followed<E extends Numbered> {
  readonly topic: string
  readonly read: (after: number) => Effect.Effect<Told<{ readonly events: ReadonlyArray<E> }>>
}

/** Follows on one node until that dies or the client goes elsewhere, and then on another one. */
const follow = Effect.fnUntraced(function* <E extends Numbered>(
  world: World,
  client: Client<E>,
  { topic, read }: Followed<E>,
) {
  const { random } = world.time
  const take = (events: ReadonlyArray<E>) => {
    for (const event of events) if (event.n === (client.seen.at(-1)?.n ?? 0) + 1) client.seen.push(event)
  }
  while (!client.over) {
    const node = world.pick()
    if (node === undefined) {
      yield* world.time.sleep(200)
      continue
    }
    const connected = Effect.scoped(
      Effect.gen(function* () {
        yield* node.engine.listen(topic, (body) => {
          const { events } = body as { readonly events: ReadonlyArray<E> }
          client.heard.push(...events)
          take(events)
        })
        for (let reads = 0; reads < 8 && !client.over; reads++) {
          const last = client.seen.at(-1)?.n ?? 0
          const told = yield* read(last)
          if ("reply" in told) take(told.reply.events)
          // What was not there when it was asked for may have begun meanwhile.
          else if (last > 0) client.over = true
          yield* world.time.sleep(200 + random.next() * 4_000)
        }
      }),
    )
    yield* Effect.raceFirst(connected, Deferred.await(node.faults.crashed))
  }
})

export const followSession = (world: World, client: Client<SessionEvent>) =>
  follow(world, client, {
    topic: sessionTopic(tenant, client.key),
    read: (after) => asking(world, ChatSessionProtocol, client.key, { _tag: "Read", after, limit: 7 }),
  })
export const followTask = (world: World, client: Client<TaskEvent>) =>
  follow(world, client, {
    topic: taskTopic(tenant, client.key),
    read: (after) => asking(world, TaskProtocol, client.key, { _tag: "Read", after, limit: 7 }),
  })

/** What somebody was told about a question. */
export interface Asked {
  readonly session: string
  readonly messageId: string
  readonly turn: number
  readonly after: number
}

export const agents = ["a", "b", "c", "d"] as const

export const talk = Effect.fnUntraced(function* (
  world: World,
  session: string,
  asked: (answer: Asked) => void,
) {
  const { random, sleep } = { random: world.time.random, sleep: (ms: number) => world.time.sleep(ms) }
  const pick = <A>(list: ReadonlyArray<A>): A => list[Math.floor(random.next() * list.length)]!
  const ask = <const C extends (typeof ChatSessionProtocol)["Command"]>(command: C) =>
    asking(world, ChatSessionProtocol, session, command)
  yield* ask({ _tag: "Open", agentId: pick(agents), title: "", owner: "ann" })
  const say = Effect.fnUntraced(function* (messageId: string, content: string) {
    const told = yield* ask({ _tag: "Say", messageId, content })
    if ("reply" in told) asked({ session, messageId, ...told.reply })
  })
  for (let serial = 0; serial < 9; serial++) {
    const draw = random.next()
    if (draw < 0.55) {
      const messageId = `m${serial}`
      const content = `${pick(manners)} ${session}-${serial}`
      const saying = say(messageId, content)
      // Now and then the same message comes twice at the same time, or a second one at once.
      if (random.next() < 0.3) yield* Effect.all([saying, saying], { concurrency: 2 })
      else yield* saying
      if (random.next() < 0.2) yield* say(`${messageId}x`, `same ${session}-${serial}x`)
    } else if (draw < 0.68) yield* ask({ _tag: "Stop" })
    else if (draw < 0.8)
      yield* ask({ _tag: "Transfer", toAgent: pick(agents), reason: "please", context: "full" })
    else if (draw < 0.86) yield* ask({ _tag: "Rename", title: `title ${serial}` })
    else if (draw < 0.89) yield* ask({ _tag: "Delete" })
    yield* sleep(random.next() * pick([50, 1_000, 12_000]))
  }
})

export const order = Effect.fnUntraced(function* (world: World, task: string) {
  const { random, sleep } = { random: world.time.random, sleep: (ms: number) => world.time.sleep(ms) }
  const pick = <A>(list: ReadonlyArray<A>): A => list[Math.floor(random.next() * list.length)]!
  const open = asking(world, TaskProtocol, task, {
    _tag: "Open",
    agent: pick(agents),
    owner: "ann",
    context: "c",
    messageId: "m1",
    text: `${pick(manners)} ${task}`,
  })
  if (random.next() < 0.3) yield* Effect.all([open, open], { concurrency: 2 })
  else yield* open
  yield* sleep(random.next() * 10_000)
  if (random.next() < 0.3) yield* asking(world, TaskProtocol, task, { _tag: "Cancel" })
})
