/** The operator's command line against a running deployment: what it shows, and that a re-driven command is handled. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { afterAll, beforeAll } from "vitest"
import { actorAt } from "../../cli/actor-history.ts"
import * as DeadLetters from "../../cli/dead-letters.ts"
import { Deployment } from "../../cli/deployment.ts"
import { fromStreams } from "../../cli/traces.ts"
import { type AnyKind, type EngineShape, type JournalRecord, Log } from "../../engine/index.ts"
import { Tracing } from "../../resources/index.ts"
import { Account, AccountProtocol } from "../support/account.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { accountNode, deployment, journaled } from "../support/trace-deployment.ts"

const tenant = "acme"
const kinds = [Account as unknown as AnyKind]
let server: TestNatsServer
beforeAll(async () => {
  server = await testNatsServer()
})
afterAll(() => server.stop())

const until = <A, E, R>(effect: Effect.Effect<A, E, R>, done: (value: A) => boolean) =>
  effect.pipe(
    Effect.repeat({ schedule: Schedule.spaced("5 millis"), until: done }),
    Effect.timeout("20 seconds"),
  )

const deposit = (engine: EngineShape, amount: number) =>
  engine.ask(AccountProtocol, "a", { _tag: "Deposit", amount }, { tenant })

const crash = (engine: EngineShape) =>
  Effect.flip(engine.ask(AccountProtocol, "a", { _tag: "Crash" }, { tenant, idempotencyKey: "once" }))

/** A node with accounts, and the command line's view of its deployment. */
const withNode = <A, E, R>(
  work: (engine: EngineShape, environment: NodeJS.ProcessEnv) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const { config, streams } = yield* deployment(server.connection)
    const { servers, user, pass } = server.connection
    const environment = {
      NATS_URL: String(servers),
      NATS_USER: user,
      NATS_PASSWORD: pass,
      NATS_NAMESPACE: config.namespace,
    }
    return yield* Effect.gen(function* () {
      return yield* work(yield* accountNode("node-1"), environment)
    }).pipe(Effect.provide(Layer.merge(Layer.succeedContext(streams), Deployment.layer(environment))))
  }).pipe(Effect.scoped)

describe("the operator's command line", () => {
  it.live("lists a dead letter once, re-drives it below the failed hop, and marks it", () =>
    withNode((engine) =>
      Effect.gen(function* () {
        yield* crash(engine)
        const [letter] = yield* until(DeadLetters.list, (letters) => letters.length === 1)
        expect(letter).toMatchObject({
          entry: { to: "acme/account/a", dead: { code: "ActorFailed" } },
          redriven: [],
        })
        // A crash between burying and remembering it buries it again.
        const log = yield* Log.DeadLetters
        const again = JSON.stringify({ ...letter, redriven: undefined })
        yield* log.append(letter!.partition, new TextEncoder().encode(again), { id: "again" })
        expect(yield* DeadLetters.list).toEqual([letter])

        const as = yield* DeadLetters.redrive(letter!.id, 1_000)
        const letters = yield* until(DeadLetters.list, (all) => all.length === 2)
        expect(letters.find(({ id }) => id === letter!.id)?.redriven).toEqual([
          { of: letter!.id, as, atMs: 1_000 },
        ])
        const second = letters.find(({ id }) => id !== letter!.id)!
        const cause = second.entry.cause as JournalRecord.Cause & { t: "command" }
        const first = letter!.entry.cause as JournalRecord.Cause & { t: "command" }
        expect(cause).toMatchObject({ id: as, body: { _tag: "Crash" } })
        expect(cause.trace.slice(0, 35)).toBe(first.trace.slice(0, 35))
        expect(cause.trace).not.toBe(first.trace)
        expect(yield* DeadLetters.show(second.id)).toEqual(second)
        expect((yield* Effect.flip(DeadLetters.show("none")))._tag).toBe("Failure")
      }),
    ),
  )

  it.live("has a command handled once that was sent and, for a crash, not marked", () =>
    withNode((engine) =>
      Effect.gen(function* () {
        yield* crash(engine)
        const [letter] = yield* until(DeadLetters.list, (letters) => letters.length === 1)
        const whole = yield* Deployment
        const dies = { ...whole.deadLetters, append: () => Effect.die("ended here") }
        const first = DeadLetters.redrive(letter!.id, 1).pipe(
          Effect.provideService(Deployment, { ...whole, deadLetters: dies }),
        )
        expect((yield* Effect.exit(first))._tag).toBe("Failure")
        yield* until(DeadLetters.list, (letters) => letters.length === 2)
        // The server's memory of message ids must not be what helps here.
        const anew = {
          append: (partition: number, data: Uint8Array) =>
            whole.mailbox.append(partition, data, { id: "new" }),
        }
        yield* DeadLetters.redrive(letter!.id, 2).pipe(
          Effect.provideService(Deployment, { ...whole, mailbox: anew }),
        )
        yield* deposit(engine, 1)
        const causes = (yield* actorAt("acme/account/a", undefined, kinds)).history.map(({ cause }) => cause)
        expect(causes).toEqual(["Crash (dead: ActorFailed)", "Crash (dead: ActorFailed)", "Deposit"])
      }),
    ),
  )

  it.live("rebuilds an actor now, at a sequence and at a time", () =>
    withNode((engine) =>
      Effect.gen(function* () {
        for (const amount of [1, 10, 100]) yield* deposit(engine, amount)
        const now = yield* actorAt("acme/account/a", undefined, kinds)
        expect(now).toMatchObject({ entries: 3, complete: true, state: { balance: 111, handled: 3 } })
        const second = now.history[1]!
        const then = yield* actorAt("acme/account/a", String(second.sequence), kinds)
        expect(then).toMatchObject({ entries: 2, sequence: second.sequence, state: { balance: 11 } })
        const before = new Date(Date.parse(now.history[0]!.at) - 1).toISOString()
        expect(yield* actorAt("acme/account/a", before, kinds)).toMatchObject({
          entries: 0,
          state: { balance: 0 },
        })
        for (const address of ["acme/account/nobody", "acme/nothing/a", "acme"])
          expect((yield* Effect.flip(actorAt(address, undefined, kinds)))._tag).toBe("Failure")
      }),
    ),
  )

  it.live("shows a trace from the streams alone", () =>
    withNode((engine) =>
      Effect.gen(function* () {
        const tracing = yield* Layer.build(Tracing.layer({ service: "gateway" }))
        const traceId = yield* Effect.gen(function* () {
          yield* deposit(engine, 5)
          yield* engine.ask(
            AccountProtocol,
            "a",
            { _tag: "Transfer", amount: 1, to: "b", transfer: "t" },
            { tenant },
          )
          return (yield* Effect.currentSpan).traceId
        }).pipe(Effect.withSpan("request"), Effect.provideContext(tracing))
        yield* until(journaled, (all) => all.length === 3)
        const tree = yield* until(fromStreams(traceId), (found) => found?.spanCount === 4)
        expect(tree!.roots.map(({ name }) => name)).toEqual(["request"])
        expect(yield* fromStreams("f".repeat(32))).toBeUndefined()
      }),
    ),
  )

  it.live("prints JSON for programs and ends with an error where there is nothing", () =>
    withNode((engine, environment) =>
      Effect.gen(function* () {
        yield* crash(engine)
        const [letter] = yield* until(DeadLetters.list, (letters) => letters.length === 1)
        const program = fileURLToPath(new URL("../../cli/millrace.ts", import.meta.url))
        const run = (...args: ReadonlyArray<string>) =>
          Effect.tryPromise(() =>
            promisify(execFile)(process.execPath, [program, ...args], {
              env: { ...process.env, ...environment },
            }),
          )
        const { stdout } = yield* run("dead-letters", "list", "--json")
        expect(JSON.parse(stdout)).toEqual([letter])
        const failed = yield* Effect.flip(run("dead-letters", "show", "none"))
        expect(failed.cause).toMatchObject({ code: 1, stderr: "millrace: there is no dead letter none\n" })
      }),
    ),
  )
})
