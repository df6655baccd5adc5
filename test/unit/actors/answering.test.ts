/** The activity by which an agent answers: who may ask, what a failure is called, and what is given as a whole. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { describe, expect, it, vi } from "vitest"
import { answering, gatheredBytesMax } from "../../../actors/agent/answering.ts"
import { frameworks } from "../../../actors/agent/frameworks/frameworks.ts"
import { answerTimeoutMs, nothingSaid, type Piece, type Question } from "../../../actors/agent/question.ts"
import { silenceMs } from "../../../actors/agent/silence.ts"
import { EngineAccess, type Platform, PlatformAccess } from "../../../actors/index.ts"
import {
  type ActivityFailure,
  type ActivityRun,
  EngineError,
  type EngineShape,
} from "../../../engine/index.ts"
import { VirtualTime } from "../../../engine/testkit/virtual-time.ts"
import { AgentProtocol, type AgentView } from "../../../schemas/index.ts"
import { register, start } from "../../support/llm-agents.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, withProduct } from "../../support/product.ts"
import { scriptedLlm } from "../../support/scripted-llm.ts"

const view: AgentView = {
  ...{ agent: "a", name: "A", framework: "llm", description: "", skills: [] },
  ...{ status: "PRODUCTION", archived: false, version: 1, revision: 1 },
  health: { status: "healthy", consecutiveFailures: 0 },
  ...{ registeredAt: 0, updatedAt: 0, running: 0, answered: 0, failed: 0 },
}

const question: Question = {
  ...{ agent: "a", question: "q", conversation: "s", turn: 1, history: [], user: "ann" },
  ...{ agents: ["a"], mayHandOver: true, plan: "p", stream: true },
}

interface World {
  readonly agent?: Partial<AgentView>
  readonly describe?: EngineShape["ask"]
  readonly platform?: Partial<Platform>
  readonly question?: Partial<Question>
  readonly run?: Partial<ActivityRun<Piece>>
  readonly said?: Parameters<typeof answering>[0]
  readonly llm?: ReturnType<typeof scriptedLlm>
}

/** How one attempt ends, and what it reported. */
const attempt = (world: World) => {
  const pieces: Array<Piece> = []
  const { llm = scriptedLlm([{ words: ["Hel", "lo"] }]) } = world
  const engine = {
    ask: world.describe ?? (() => Effect.succeed({ ...view, ...world.agent })),
  } as unknown as EngineShape
  const run = {
    self: { tenant: "t", kind: "chat-session", key: "s" },
    ...{ id: "turn:1:1", attempt: 1, progressed: 0, trace: "", key: "k" },
    emit: (piece: Piece) => Effect.sync(() => void pieces.push(piece)),
    ...world.run,
  } as ActivityRun<Piece>
  const exit = new VirtualTime("answering").run(
    Effect.gen(function* () {
      const access = yield* EngineAccess.make
      yield* access.fill(engine)
      const platform = yield* PlatformAccess.make
      const scripted = { ...scriptedPlatform(), llm: llm.llm, models: llm.models }
      yield* platform.fill({ ...scripted, ...world.platform })
      return yield* answering(world.said ?? (() => Effect.die(new Error("nobody said anything"))))(
        { ...question, ...world.question },
        run,
      ).pipe(Effect.provideService(EngineAccess, access), Effect.provideService(PlatformAccess, platform))
    }),
  )
  const failure = exit._tag === "Failure" ? (Cause.squash(exit.cause) as ActivityFailure) : undefined
  return { answered: exit._tag === "Success" ? exit.value : undefined, failure, pieces }
}

const codeOf = (world: World) => {
  const { failure } = attempt(world)
  return [failure?.code, failure?.retryable]
}
const access = (more: object) => () =>
  Effect.map(scriptedPlatform().access("t", "ann"), (found) => ({ ...found!, ...more }))

describe("an answer", () => {
  it("is refused to whom the agent is not for, whatever it was before", () => {
    const agent = { accessLevel: "private" as const, owner: "bob" }
    const platform = { access: access({ permissions: [] }) }
    expect(codeOf({ agent, platform })).toEqual(["AgentForbidden", false])
    expect(codeOf({ agent, platform, run: { attempt: 2 }, said: () => Effect.succeed(nothingSaid) })).toEqual(
      ["AgentForbidden", false],
    )
    expect(codeOf({ agent, platform, question: { user: "bob" } })).toEqual([undefined, undefined])
  })

  it("is refused to who is no user any more", () => {
    expect(codeOf({ platform: { access: () => Effect.succeed(undefined) } })).toEqual([
      "AgentForbidden",
      false,
    ])
    expect(codeOf({ platform: { access: access({ active: false }) } })).toEqual(["AgentForbidden", false])
  })

  it("is tried again when the directory, the engine or the session did not answer", () => {
    const down = { access: () => Effect.fail(new Error("connection to 10.0.0.7 refused")) }
    const { failure } = attempt({ platform: down })
    expect(failure).toMatchObject({ code: "DirectoryUnavailable", retryable: true })
    expect(failure!.detail).not.toMatch(/10\.0/)
    const busy = new EngineError({ code: "Overloaded", detail: "busy" })
    expect(codeOf({ describe: () => Effect.fail(busy) })).toEqual(["Overloaded", true])
    const said = () => Effect.fail(new Error("no answer"))
    expect(codeOf({ run: { progressed: 1 }, said })).toEqual(["Unavailable", true])
  })

  it("does not come from an agent that is archived", () => {
    expect(codeOf({ agent: { archived: true } })).toEqual(["AgentArchived", false])
  })

  it("that begins late is waited for, also at another try, but not where its node was gone", () => {
    const late = (run: Partial<ActivityRun<Piece>>) => ({
      llm: scriptedLlm([{ words: ["one"], waitMs: silenceMs + 15_000 }]),
      said: () => Effect.succeed(nothingSaid),
      run,
    })
    expect(codeOf(late({}))).toEqual([undefined, undefined])
    expect(codeOf(late({ attempt: 2 }))).toEqual([undefined, undefined])
    expect(codeOf(late({ resumed: true }))).toEqual(["AgentSilent", false])
  })

  it("that takes too long ends, after all that was said, and is not tried again", () => {
    const llm = scriptedLlm([{ words: ["one", "two"], waitMs: answerTimeoutMs - 1_000 }])
    const { failure, pieces } = attempt({ llm })
    expect(failure).toMatchObject({ code: "AnswerTooLate", retryable: false })
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual(["one"])
  })
})

describe("an attempt", () => {
  it("that is the first asks nobody what was said", () => {
    const { answered, pieces } = attempt({})
    expect(answered).toMatchObject({ _tag: "Said", tokens: 2, text: "", blocks: [] })
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual(["Hel", "lo"])
  })

  for (const run of [{ progressed: 1 }, { attempt: 2, progressed: 0 }])
    it(`after another one (${JSON.stringify(run)}) goes on after what was heard`, () => {
      const { answered, pieces } = attempt({ run, said: () => Effect.succeed({ text: "Hel", tokens: 1 }) })
      expect(answered).toMatchObject({ _tag: "Said", tokens: 2 })
      expect(pieces.filter(({ tokens }) => tokens.length > 0)).toEqual([{ from: 1, tokens: ["lo"] }])
    })
})

describe("an answer as a whole", () => {
  it("has its text and its blocks, and a streamed one has neither", () => {
    const behaviour = { framework: "builtin" as const, behaviour: "ops" as const }
    const describe = ((_protocol: unknown, key: string, command: { readonly _tag: string }) =>
      Effect.succeed(
        command._tag === "Describe"
          ? { ...view, ...behaviour }
          : { plan: key, status: "answered", blocks: [{ type: "text", text: "42 %" }] },
      )) as unknown as EngineShape["ask"]
    const whole = attempt({ describe, question: { stream: false } })
    expect(whole.answered).toMatchObject({
      text: "42 %",
      plan: "p",
      blocks: [{ type: "text", text: "42 %" }],
    })
    expect(whole.pieces).toEqual([])
    expect(attempt({ describe }).answered).toMatchObject({ text: "", plan: "p", blocks: [] })
  })

  it("is refused when no journal record could hold it", () => {
    const llm = scriptedLlm([{ words: Array<string>(50).fill("가".repeat(1_000)) }])
    expect(codeOf({ llm, question: { stream: false } })).toEqual(["AnswerTooLong", false])
  })

  it(
    "of the largest size reaches who asked, also when it is remembered by a key",
    withProduct((product) =>
      Effect.gen(function* () {
        const word = "가".repeat(1_000)
        const count = Math.floor(gatheredBytesMax / (3 * word.length + 2))
        const { engine } = yield* start(product, scriptedLlm([{ words: Array<string>(count).fill(word) }]))
        yield* register(engine, "a")
        const execution = yield* ask(
          engine,
          AgentProtocol,
          "a",
          { _tag: "Execute", task: "work" },
          { idempotencyKey: "once" },
        )
        expect(execution).toMatchObject({ status: "success", tokens: count })
        expect(execution.text.length).toBe(count * word.length)
      }),
    ),
  )

  it(
    "whose blocks no record holds together with its text is given with those that fit",
    withProduct((product) =>
      Effect.gen(function* () {
        const block = {
          type: "reference" as const,
          title: "data",
          language: "json",
          text: "가".repeat(16_000),
        }
        const text = "a".repeat(1_000)
        const answer = vi.spyOn(frameworks.llm, "answer").mockImplementation(({ say }) =>
          Effect.as(say(text), {
            _tag: "Said",
            blocks: [block, block, block, block, { type: "text", text: "small" }],
          }),
        )
        const { engine } = yield* start(product, scriptedLlm([]))
        yield* register(engine, "a")
        const work = { _tag: "Execute", task: "work" } as const
        const execution = yield* ask(engine, AgentProtocol, "a", work, { idempotencyKey: "once" }).pipe(
          Effect.ensuring(Effect.sync(() => answer.mockRestore())),
        )
        expect(execution).toMatchObject({ status: "success", text })
        expect(execution.blocks.map(({ type }) => type)).toEqual(["reference", "reference", "text"])
      }),
    ),
  )
})
