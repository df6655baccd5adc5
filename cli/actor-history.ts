/** Rebuilds an actor at a moment, with the kinds that this program knows. */
import * as Effect from "effect/Effect"
import { Address, type AnyKind, History, type Log } from "../engine/index.ts"
import { Deployment } from "./deployment.ts"
import { Failure } from "./failure.ts"

export interface ActorAt {
  readonly address: string
  readonly state: unknown
  readonly entries: number
  readonly sequence: number | undefined
  readonly at: string | undefined
  /** False when the journal's beginning is gone: the state is what the rest makes of nothing. */
  readonly complete: boolean
  readonly failure?: string
  readonly history: ReadonlyArray<{
    readonly sequence: number
    readonly at: string
    readonly cause: string
    readonly events: ReadonlyArray<unknown>
  }>
}

/** `at`: a journal sequence or an ISO time. */
export const momentOf = (at: string | undefined): History.Moment | undefined => {
  if (at === undefined) return {}
  if (/^\d+$/.test(at)) return { sequence: Number(at) }
  const timeMs = Date.parse(at)
  return Number.isNaN(timeMs) ? undefined : { timeMs }
}

const causeOf = ({ entry: { cause, dead } }: History.Past): string => {
  const what = cause.t === "command" ? cause.body._tag : cause.t === "timer" ? cause.key : cause.t
  return dead === undefined ? what : `${what} (dead: ${dead.code})`
}

export const actorAt = Effect.fnUntraced(function* (
  text: string,
  at: string | undefined,
  kinds: ReadonlyArray<AnyKind>,
) {
  const { journal, partitions } = yield* Deployment
  const address = Address.parse(text)
  if (address === undefined) return yield* new Failure({ reason: `${text} is no address: tenant/kind/key` })
  const moment = momentOf(at)
  if (moment === undefined)
    return yield* new Failure({ reason: `--at ${at}: a journal sequence or an ISO time` })
  const kind = kinds.find(({ protocol }) => protocol.kind === address.kind)
  if (kind === undefined)
    return yield* new Failure({ reason: `this program knows no kind "${address.kind}"` })
  const { entries, complete } = yield* History.read(journal as Log.Log, partitions, address)
  if (entries.length === 0) return yield* new Failure({ reason: `the journal holds nothing of ${text}` })
  const { state, entries: count, last, failure } = History.fold(kind, address, entries, moment)
  const result: ActorAt = {
    address: text,
    state,
    entries: count,
    sequence: last?.sequence,
    at: last === undefined ? undefined : new Date(last.entry.now).toISOString(),
    complete,
    ...(failure === undefined ? {} : { failure }),
    history: entries.slice(0, count).map((past) => ({
      sequence: past.sequence,
      at: new Date(past.entry.now).toISOString(),
      cause: causeOf(past),
      events: past.entry.events ?? [],
    })),
  }
  return result
})
