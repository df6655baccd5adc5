/** What illustrates a task's answers: told once at the end of the turn, kept with the answer, and bounded over all turns. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Task } from "../../../actors/task/task.ts"
import type { ActivityRun, EngineShape } from "../../../engine/index.ts"
import {
  type AnswerBlock,
  TaskProtocol,
  type TaskStatus,
  taskBlocksBytesMax,
} from "../../../schemas/index.ts"
import { implementation } from "../../support/deployment.ts"
import { ask, withProduct } from "../../support/product.ts"

const block = (title: string, characters: number): AnswerBlock => ({
  type: "reference",
  title,
  language: "json",
  text: "x".repeat(characters),
})

/** Gives `blocks` along, asks back as long as it was told to, and remembers what room it was told of. */
const illustrating = (blocks: ReadonlyArray<AnswerBlock>, room: Array<number | undefined>) =>
  implementation(
    Task as never,
    {
      answer: ((
        input: { readonly question: string; readonly blocksMax?: number },
        run: ActivityRun<object>,
      ) =>
        Effect.gen(function* () {
          room.push(input.blocksMax)
          yield* run.emit({ from: 0, tokens: ["see"] })
          const said = { _tag: "Said", tokens: 1, text: "", blocks }
          return input.question === "more" ? { ...said, awaitsInput: true } : said
        })) as never,
      index: ({ revision }: { readonly revision: number }) => Effect.succeed({ revision }),
      push: () => Effect.succeed({ delivered: true, latencyMs: 1 }),
    } as never,
  )

const reached = Effect.fnUntraced(function* (engine: EngineShape, status: TaskStatus) {
  for (;;) {
    const view = yield* ask(engine, TaskProtocol, "t1", { _tag: "Read", after: 0 } as const)
    if (view.status === status) return view
    yield* Effect.sleep(200)
  }
})
const open = (engine: EngineShape, text: string) =>
  ask(engine, TaskProtocol, "t1", {
    _tag: "Open",
    agent: "guide",
    owner: "ann",
    context: "c",
    messageId: "m1",
    text,
  } as const)

describe("the blocks of a task's answer", () => {
  it(
    "are told as one event before the end, and stay with the answer",
    withProduct((product) =>
      Effect.gen(function* () {
        const blocks = [block("one", 10), block("two", 10)]
        const { engine } = yield* product.start([illustrating(blocks, [])])
        yield* open(engine, "show")
        const { answers, events } = yield* reached(engine, "completed")
        expect(events.map(({ type }) => type).slice(-3)).toEqual(["token", "blocks", "status"])
        expect(events.at(-2)).toMatchObject({ type: "blocks", turn: 1, blocks })
        expect(answers).toMatchObject([{ turn: 1, text: "see", blocks }])
        const later = { _tag: "Read", textFrom: 3 } as const
        const second = yield* ask(engine, TaskProtocol, "t1", later)
        expect(second.answers[0]).not.toHaveProperty("blocks")
      }),
    ),
  )

  it(
    "have their bound over all turns: the next turn is told what room is left, and what does not fit is left out",
    withProduct((product) =>
      Effect.gen(function* () {
        const room: Array<number | undefined> = []
        const large = block("large", Math.floor(taskBlocksBytesMax * 0.6))
        const { engine } = yield* product.start([illustrating([large, block("small", 10)], room)])
        yield* open(engine, "more")
        yield* reached(engine, "input-required")
        yield* ask(engine, TaskProtocol, "t1", { _tag: "Continue", messageId: "m2", text: "enough" } as const)
        const { answers } = yield* reached(engine, "completed")
        expect(answers.map(({ blocks }) => blocks?.map((one) => one.type !== "text" && one.title))).toEqual([
          ["large", "small"],
          ["small"],
        ])
        expect(room[0]).toBe(taskBlocksBytesMax)
        expect(room[1]).toBeLessThan(taskBlocksBytesMax * 0.4)
      }),
    ),
  )
})
