/**
 * A named lock: one holder at a time, others wait in line, and every grant has a fencing token.
 *
 * I1 At most one holder. I2 The fencing token grows strictly with every grant. I3 Only the holder's owner with the
 * holder's token extends or releases. I4 A holder that does nothing loses the lock when its time is over. I5 Whoever
 * waits is answered: granted in the order of asking, or timed out. I6 At most `waitingMax` wait.
 */
import * as Schema from "effect/Schema"
import { accept, type Caller, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import { type LockAnswer, LockProtocol, type RejectionOf, type Tagged } from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"

export const waitingMax = 1_000

const Holder = Schema.Struct({ owner: Schema.String, fence: Schema.Int, expiresAt: Schema.Finite })
const Waiter = Schema.Struct({
  /** Numbers the asks of this lock; names the wait's timer. */
  ticket: Schema.Int,
  owner: Schema.String,
  until: Schema.Finite,
  ttlMs: Schema.Int,
  caller: Schema.optionalKey(CallerSchema),
})
type Waiter = typeof Waiter.Type

const State = Schema.Struct({
  fence: Schema.Int,
  tickets: Schema.Int,
  holder: Schema.optionalKey(Holder),
  waiting: Schema.Array(Waiter),
})
type State = typeof State.Type

const events = {
  Granted: { owner: Schema.String, fence: Schema.Int, expiresAt: Schema.Finite },
  Extended: { expiresAt: Schema.Finite },
  Freed: { fence: Schema.Int, expired: Schema.Boolean },
  Queued: Waiter.fields,
  WaitEnded: { ticket: Schema.Int, granted: Schema.Boolean },
}

/** A decision that is no answer to the command at hand. */
type Silent = Decision<Tagged<typeof events>, never, RejectionOf<typeof LockProtocol>>
type Passed = Decision<Tagged<typeof events>, never, never>

const expiry = (fence: number, at: number) => ({ timer: "expiry", id: String(fence), due: { at } })
const wait = ({ ticket }: Waiter) => ({ timer: "wait", id: String(ticket) })

/** The lock is free: the first in line whose wait is not over gets it; those before it hear that theirs is. */
const passOn = (
  state: State,
  freed: { readonly fence: number; readonly expired: boolean },
  now: number,
): Passed => {
  const next = state.waiting.findIndex(({ until }) => until > now)
  const late = next < 0 ? state.waiting : state.waiting.slice(0, next)
  const heir = next < 0 ? undefined : state.waiting[next]!
  const fence = state.fence + 1
  const timedOut: LockAnswer = { _tag: "TimedOut" }
  const granted = heir === undefined ? undefined : { owner: heir.owner, fence, expiresAt: now + heir.ttlMs }
  return accept({
    events: [
      { _tag: "Freed", ...freed },
      ...late.map(({ ticket }) => ({ _tag: "WaitEnded" as const, ticket, granted: false })),
      ...(heir === undefined || granted === undefined
        ? []
        : [
            { _tag: "WaitEnded" as const, ticket: heir.ticket, granted: true },
            { _tag: "Granted" as const, ...granted },
          ]),
    ],
    answers: [
      ...late.flatMap((waiter) => answer(waiter.caller, timedOut)),
      ...(granted === undefined
        ? []
        : answer(heir?.caller, { _tag: "Granted", fence, expiresAt: granted.expiresAt })),
    ],
    setTimers: granted === undefined ? [] : [expiry(fence, granted.expiresAt)],
    clearTimers: [
      { timer: "expiry", id: String(freed.fence) },
      ...late.map(wait),
      ...(heir === undefined ? [] : [wait(heir)]),
    ],
  })
}

const answer = (caller: Caller | undefined, reply: LockAnswer) =>
  caller === undefined ? [] : [{ caller, reply }]

const notHolder = (state: State): Silent =>
  reject({ _tag: "NotHolder", ...(state.holder === undefined ? {} : { holder: state.holder.owner }) })

const holds = (state: State, claim: { readonly owner: string; readonly fence: number }): boolean =>
  state.holder?.owner === claim.owner && state.holder.fence === claim.fence

const queue = (
  state: State,
  { owner, waitMs, ttlMs }: { readonly owner: string; readonly waitMs: number; readonly ttlMs: number },
  { now, caller }: DecideContext,
): Silent => {
  if (state.waiting.length >= waitingMax) return reject({ _tag: "QueueFull", limit: waitingMax })
  const ticket = state.tickets + 1
  const waiter = { ticket, owner, until: now + waitMs, ttlMs, ...(caller === undefined ? {} : { caller }) }
  return accept({
    events: [{ _tag: "Queued", ...waiter }],
    setTimers: [{ ...wait(waiter), due: { at: waiter.until } }],
  })
}

export const Lock = define(LockProtocol, {
  events,
  state: State,
  initial: () => ({ fence: 0, tickets: 0, waiting: [] }),
  decide: {
    Acquire: (state, ask, context) => {
      const { owner, ttlMs } = ask
      if (state.holder?.owner === owner || state.waiting.some((waiter) => waiter.owner === owner)) {
        return reject({ _tag: "AlreadyAcquiring", owner })
      }
      if (state.holder !== undefined) {
        return ask.waitMs === 0 ? accept({ reply: { _tag: "TimedOut" } }) : queue(state, ask, context)
      }
      const fence = state.fence + 1
      const expiresAt = context.now + ttlMs
      return accept({
        events: [{ _tag: "Granted", owner, fence, expiresAt }],
        setTimers: [expiry(fence, expiresAt)],
        reply: { _tag: "Granted", fence, expiresAt },
      })
    },
    Extend: (state, claim, { now }) => {
      if (!holds(state, claim)) return notHolder(state)
      const expiresAt = now + claim.ttlMs
      return accept({
        events: [{ _tag: "Extended", expiresAt }],
        setTimers: [expiry(claim.fence, expiresAt)],
        reply: { expiresAt },
      })
    },
    Release: (state, claim, { now }) =>
      holds(state, claim) ? passOn(state, { fence: claim.fence, expired: false }, now) : notHolder(state),
    Read: ({ fence, holder, waiting }) =>
      accept({
        reply: {
          fence,
          ...(holder === undefined ? {} : { holder }),
          waiting: waiting.map(({ owner, until }) => ({ owner, until })),
        },
      }),
  },
  evolve: {
    Granted: (state, { owner, fence, expiresAt }) => ({
      ...state,
      fence,
      holder: { owner, fence, expiresAt },
    }),
    Extended: (state, { expiresAt }) =>
      state.holder === undefined ? state : { ...state, holder: { ...state.holder, expiresAt } },
    Freed: ({ holder: _, ...state }) => state,
    Queued: (state, { _tag, ...waiter }) => ({
      ...state,
      tickets: waiter.ticket,
      waiting: [...state.waiting, waiter],
    }),
    WaitEnded: (state, { ticket }) => ({
      ...state,
      waiting: state.waiting.filter((waiter) => waiter.ticket !== ticket),
    }),
  },
  timers: {
    expiry: (state, { id }, { now }) =>
      state.holder !== undefined && String(state.holder.fence) === id
        ? passOn(state, { fence: state.holder.fence, expired: true }, now)
        : accept(),
    wait: (state, { id }) => {
      const waiter = state.waiting.find(({ ticket }) => String(ticket) === id)
      if (waiter === undefined) return accept()
      return accept({
        events: [{ _tag: "WaitEnded", ticket: waiter.ticket, granted: false }],
        answers: answer(waiter.caller, { _tag: "TimedOut" }),
      })
    },
  },
})
