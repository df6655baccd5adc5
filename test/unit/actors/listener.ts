/** Whoever listens to what an agent says, in virtual time. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Piece, Said } from "../../../actors/agent/question.ts"
import { makeSpeaker } from "../../../actors/agent/speaker.ts"
import { VirtualTime } from "../../../engine/testkit/virtual-time.ts"

export const run = <A>(body: (time: VirtualTime) => Effect.Effect<A, unknown, Scope.Scope>): A => {
  const time = new VirtualTime("speaker")
  const exit = time.run(Effect.scoped(body(time)))
  if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  return exit.value
}

/** Takes reports in as a session does: what is missing is an error, what overlaps is heard once, a restart is void. */
export class Listener {
  tokens: Array<string> = []
  restarts = 0
  readonly reports: Array<Piece> = []
  readonly hear = (piece: Piece) => {
    this.reports.push(piece)
    if (piece.restart !== undefined) {
      this.restarts += 1
      this.tokens = []
    }
    if (piece.from > this.tokens.length) throw new Error(`tokens are missing before ${piece.from}`)
    this.tokens.push(...piece.tokens.slice(this.tokens.length - piece.from))
  }
  get text() {
    return this.tokens.join("")
  }
  get said(): Said {
    return { text: this.text, tokens: this.tokens.length }
  }
}

interface Wanted {
  readonly listener: Listener
  readonly said?: Said
  readonly onInterruption?: "restart" | "fail"
  /** How long a report takes. */
  readonly emitMs?: number
}

export const speakerFor = ({ listener, said, onInterruption = "restart", emitMs = 5 }: Wanted) =>
  makeSpeaker({
    emit: (piece) =>
      Effect.andThen(
        Effect.sleep(emitMs),
        Effect.sync(() => listener.hear(piece)),
      ),
    said,
    onInterruption,
  })

export const sayAll = (
  speaker: Effect.Success<ReturnType<typeof makeSpeaker>>,
  pieces: ReadonlyArray<string>,
) => Effect.forEach(pieces, (piece) => speaker.say(piece), { discard: true })
