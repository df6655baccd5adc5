/**
 * Carries out the activity `answer`, for whichever actor declares it: looks the agent up, checks whether who asks may use
 * it now, and has its framework answer. What is said is reported in pieces, or gathered where nobody listens.
 */
import * as Effect from "effect/Effect"
import { ActivityFailure, type ActivityRun, type EngineShape, TraceContext } from "../../engine/index.ts"
import { answerCharactersMax } from "../../schemas/index.ts"
import { EngineAccess } from "../engine-access.ts"
import { PlatformAccess } from "../platform-access.ts"
import { answerCallerOf } from "./answer-caller.ts"
import { bytesOf, fittingBlocks } from "./blocks.ts"
import type { AnswerCall, Outcome } from "./framework.ts"
import { frameworks } from "./frameworks/frameworks.ts"
import { type Answered, answerTimeoutMs, type Piece, type Question, type Said } from "./question.ts"
import { makeSpeaker } from "./speaker.ts"
import { usableAgent } from "./usable.ts"
import { makeWatch } from "./watch.ts"

/**
 * Bytes of an answer that nobody hears on the way, as JSON: a journal record holds it up to three times, as the outcome,
 * as what its caller is answered, and as what is remembered of that.
 */
export const gatheredBytesMax = 128 * 1024

const failure = (code: string, detail: string, retryable = false) =>
  new ActivityFailure({ code, detail, retryable })

const tooLong = () =>
  failure(
    "AnswerTooLong",
    `an answer has at most ${answerCharactersMax} characters, and ${gatheredBytesMax} bytes where it is given as a whole`,
  )

/** Not tried again: the next attempt would take as long. */
const tooLate = () => failure("AnswerTooLate", `no answer within ${answerTimeoutMs / 60_000} minutes`)

/** Nobody listens: the text is the answer. */
const gathered = () => {
  let text = ""
  let bytes = 0
  let tokens = 0
  return {
    say: (piece: string) =>
      Effect.suspend(() => {
        if (piece === "") return Effect.void
        text += piece
        bytes += bytesOf(piece)
        tokens += 1
        return text.length > answerCharactersMax || bytes > gatheredBytesMax
          ? Effect.fail(tooLong())
          : Effect.void
      }),
    isRepeating: () => true,
    flush: Effect.void,
    finish: Effect.sync(() => tokens),
    text: () => text,
  }
}

/** What was streamed is with whoever listened; its blocks go along for who asked for them, without those that say it again. */
const answeredOf = (
  outcome: Outcome,
  { stream, blocksMax = 0 }: Question,
  { tokens, text }: { readonly tokens: number; readonly text: string },
): Answered => {
  if (outcome._tag === "HandOver") {
    const { _tag: _, ...handover } = outcome
    return { _tag: "HandedOver", ...handover }
  }
  const { _tag, blocks = [], ...rest } = outcome
  if (!stream)
    return { _tag, tokens, ...rest, text, blocks: fittingBlocks(blocks, gatheredBytesMax - bytesOf(text)) }
  const besides = blocks.filter(({ type }) => type !== "text")
  return { _tag, tokens, ...rest, text: "", blocks: fittingBlocks(besides, blocksMax) }
}

/** `said`: what the actor heard of this answer before, asked for only after a crash or a failed attempt. */
export const answering =
  (said: (engine: EngineShape, question: Question, run: ActivityRun<Piece>) => Effect.Effect<Said, Error>) =>
  (question: Question, run: ActivityRun<Piece>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const engine = yield* (yield* EngineAccess).engine
        const platform = yield* (yield* PlatformAccess).platform
        const { tenant } = run.self
        const caller = yield* answerCallerOf(platform, tenant, question)
        const view = yield* usableAgent(engine, tenant, question.agent, caller)
        // A report of the attempt before may have been on its way when that ended: it is not counted, and yet was heard.
        const isAgain = run.resumed || run.progressed > 0 || run.attempt > 1
        const before = isAgain
          ? yield* said(engine, question, run).pipe(
              Effect.mapError((error) => failure("Unavailable", error.message, true)),
            )
          : undefined
        const speaker = question.stream
          ? {
              ...(yield* makeSpeaker({
                emit: run.emit,
                said: before,
                onInterruption: view.onInterruption ?? "restart",
              })),
              text: () => "",
            }
          : gathered()
        const watch = yield* makeWatch(view.agent)
        const call: AnswerCall = {
          tenant,
          view,
          question,
          caller,
          engine,
          platform,
          key: run.key,
          traceId: TraceContext.parse(run.trace)?.traceId ?? "",
          say: run.resumed ? watch.whileSaying(speaker.say) : speaker.say,
          isRepeating: speaker.isRepeating,
        }
        // What was said before a failure is heard before the failure is.
        const answer = frameworks[view.framework].answer(call)
        const outcome = yield* (run.resumed ? Effect.raceFirst(answer, watch.silent) : answer).pipe(
          Effect.timeoutOrElse({ duration: answerTimeoutMs, orElse: () => Effect.fail(tooLate()) }),
          Effect.tapError(() => speaker.flush),
        )
        const tokens = yield* speaker.finish
        return answeredOf(outcome, question, { tokens, text: speaker.text() })
      }),
    )
