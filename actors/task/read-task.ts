/** A task with all that its agent said, which one answer of its actor may not hold. */
import * as Effect from "effect/Effect"
import type { EngineError, EngineShape, Rejected } from "../../engine/index.ts"
import { TaskProtocol, type TaskView } from "../../schemas/index.ts"

/** Begun anew this often when what was read became void meanwhile; what there is then is shown. */
const attemptsMax = 3

/** Errors: what `ask` fails with; `TaskUnknown` when there is none, or no more. */
export const readTask = Effect.fnUntraced(function* (
  engine: EngineShape,
  tenant: string,
  task: string,
  page: { readonly after?: number; readonly limit?: number } = {},
): Effect.fn.Return<TaskView, EngineError | Rejected> {
  const read = (textFrom: number) =>
    engine.ask(TaskProtocol, task, { _tag: "Read", ...(textFrom === 0 ? page : {}), textFrom }, { tenant })
  for (let attempt = 1; ; attempt += 1) {
    const first = yield* read(0)
    let answers = first.answers
    let isWhole = true
    let read_ = answers.reduce((sum, { text }) => sum + text.length, 0)
    while (read_ < first.characters && isWhole) {
      const more = yield* read(read_)
      isWhole = more.restarts === first.restarts
      const before = read_
      answers = answers.map((answer, index) => {
        const text = more.answers[index]?.text ?? ""
        read_ += text.length
        return { ...answer, text: answer.text + text }
      })
      if (read_ === before) break
    }
    if (isWhole || attempt === attemptsMax) return { ...first, answers }
  }
})
