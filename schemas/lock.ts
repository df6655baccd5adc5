/** Named locks: who holds one, until when, and under which fencing token. The lock's name is the actor's key. */
import * as Schema from "effect/Schema"
import { command, protocol } from "./protocol.ts"
import { countOf, Time, textOf } from "./text.ts"

export const lockWaitMsMax = 10 * 60_000
export const lockTtlMsMax = 60 * 60_000

const Owner = textOf(200).check(Schema.isMinLength(1))
const TtlMs = countOf(1, lockTtlMsMax)
/** Grows with every grant: a resource refuses a smaller one than it has seen. */
const Fence = Schema.Int

export const LockAnswer = Schema.Union([
  Schema.Struct({ _tag: Schema.Literal("Granted"), fence: Fence, expiresAt: Time }),
  Schema.Struct({ _tag: Schema.Literal("TimedOut") }),
])
export type LockAnswer = typeof LockAnswer.Type

export const LockView = Schema.Struct({
  holder: Schema.optionalKey(Schema.Struct({ owner: Owner, fence: Fence, expiresAt: Time })),
  /** In the order in which they will be granted. */
  waiting: Schema.Array(Schema.Struct({ owner: Owner, until: Time })),
  /** The last fencing token given out; 0 when there was none. */
  fence: Fence,
})
export type LockView = typeof LockView.Type

export const LockProtocol = protocol({
  kind: "lock",
  version: 1,
  commands: {
    /** Answered when it is granted or the wait is over; `waitMs` 0 tries once. Gotcha: ask with a longer time-out. */
    Acquire: command({ owner: Owner, waitMs: countOf(0, lockWaitMsMax), ttlMs: TtlMs }, LockAnswer),
    Extend: command({ owner: Owner, fence: Fence, ttlMs: TtlMs }, Schema.Struct({ expiresAt: Time })),
    Release: command({ owner: Owner, fence: Fence }),
    Read: command({}, LockView),
  },
  rejections: {
    /** It expired, was released, or never was this owner's. */
    NotHolder: { holder: Schema.optionalKey(Owner) },
    /** This owner holds or awaits it already: locks are not re-entrant. */
    AlreadyAcquiring: { owner: Owner },
    QueueFull: { limit: Schema.Int },
  },
})
