/**
 * Declares an actor kind: on top of its protocol its events, state and behaviour, in one value. The schemas are the
 * journal's contract; `decide` and `evolve` are pure and total, so that a journal can always be folded again.
 */
import * as Schema from "effect/Schema"
import type {
  Codec,
  CommandMap,
  CommandValue,
  FieldsMap,
  PlainCodec,
  Protocol,
  Tagged,
} from "../schemas/index.ts"
import { codecOf, codecsOf } from "../schemas/index.ts"
import type { DecideContext, Decision, Outcome } from "./decision.ts"
import { defaultRetry, type Retry } from "./retry.ts"
import { type SlicedCodec, slicedCodecOf } from "./sliced-codec.ts"

export interface ActivitySpec<
  I extends PlainCodec = PlainCodec,
  O extends PlainCodec = PlainCodec,
  P extends PlainCodec = PlainCodec,
> {
  readonly input: I
  readonly output: O
  readonly progress: P
  readonly retry: Retry
  /** Of one attempt. */
  readonly timeoutMs: number
}
type ActivityMap = { readonly [name: string]: ActivitySpec }

/** Declares a long effect that runs beside the mailbox. Default: 3 attempts with back-off, 60 s each. */
export const activity = <
  I extends PlainCodec,
  O extends PlainCodec,
  P extends PlainCodec = typeof Schema.Never,
>(spec: {
  readonly input: I
  readonly output: O
  readonly progress?: P
  readonly retry?: Partial<Retry>
  readonly timeoutMs?: number
}): ActivitySpec<I, O, P> => ({
  input: spec.input,
  output: spec.output,
  progress: spec.progress ?? (Schema.Never as unknown as P),
  retry: { ...defaultRetry, ...spec.retry },
  timeoutMs: spec.timeoutMs ?? 60_000,
})

export interface Fired {
  readonly id: string | undefined
  /** When the timer was due, which may be earlier than now. */
  readonly dueAt: number
  readonly payload: unknown
}

/** The encoded form of a command or event, whatever its version. */
export interface TaggedBody {
  readonly _tag: string
  readonly [field: string]: unknown
}

export interface Behaviour<
  C extends CommandMap,
  R extends FieldsMap,
  E extends FieldsMap,
  S extends PlainCodec,
  A extends ActivityMap,
  T extends string,
> {
  readonly events: E
  readonly state: S
  /** It may grow to megabytes: snapshots of it are written and read a slice at a time. Its values never change in place. */
  readonly large?: boolean
  readonly activities?: A
  readonly initial: (key: string) => S["Type"]
  readonly decide: {
    readonly [K in keyof C & string]: (
      state: S["Type"],
      command: CommandValue<C, K>,
      context: DecideContext,
    ) => Decision<Tagged<E>, C[K]["reply"]["Type"], Tagged<R>>
  }
  readonly evolve: {
    readonly [K in keyof E & string]: (
      state: S["Type"],
      event: { readonly _tag: K } & Schema.Struct.Type<E[K]>,
    ) => S["Type"]
  }
  readonly timers?: {
    readonly [K in T]: (
      state: S["Type"],
      fired: Fired,
      context: DecideContext,
    ) => Decision<Tagged<E>, undefined, never>
  }
  /** What happens when an activity has ended for good. */
  readonly settled?: {
    readonly [K in keyof A & string]: (
      state: S["Type"],
      outcome: Outcome<A[K]["output"]["Type"]> & { readonly id: string },
      context: DecideContext,
    ) => Decision<Tagged<E>, undefined, never>
  }
  /** What an activity reported on its way; reports are journaled in order. */
  readonly progressed?: {
    readonly [K in keyof A & string]?: (
      state: S["Type"],
      progress: { readonly id: string; readonly value: A[K]["progress"]["Type"] },
      context: DecideContext,
    ) => Decision<Tagged<E>, undefined, never>
  }
  /** Turns bodies that an older version wrote into today's encoded shape. */
  readonly upcast?: {
    readonly command?: (body: TaggedBody, fromVersion: number) => TaggedBody
    readonly event?: (body: TaggedBody, fromVersion: number) => TaggedBody
    readonly state?: (state: unknown, fromVersion: number) => unknown
  }
}

export interface ActivityCodecs {
  readonly input: Codec
  readonly output: Codec
  readonly progress: Codec
}

export interface ActorKind<
  C extends CommandMap = CommandMap,
  R extends FieldsMap = FieldsMap,
  E extends FieldsMap = FieldsMap,
  S extends PlainCodec = PlainCodec,
  A extends ActivityMap = ActivityMap,
  T extends string = string,
> extends Behaviour<C, R, E, S, A, T> {
  readonly protocol: Protocol<string, C, R>
  readonly activities: A
  readonly codec: {
    readonly event: Readonly<Record<string, Codec>>
    readonly state: Codec
    /** Of a large state. */
    readonly slices?: SlicedCodec
    readonly activity: Readonly<Record<string, ActivityCodecs>>
  }
}

/** An actor kind with its types forgotten, as the engine handles it. */
// biome-ignore lint/suspicious/noExplicitAny: variance — the engine calls every kind through its codecs
export type AnyKind = ActorKind<any, any, any, any, any, any>

export const define = <
  C extends CommandMap,
  R extends FieldsMap,
  const E extends FieldsMap,
  S extends PlainCodec,
  const A extends ActivityMap = Record<never, never>,
  T extends string = never,
>(
  protocol: Protocol<string, C, R>,
  behaviour: Behaviour<C, R, E, S, A, T>,
): ActorKind<C, R, E, S, A, T> => {
  const activities = behaviour.activities ?? ({} as A)
  return {
    ...behaviour,
    protocol,
    activities,
    codec: {
      event: codecsOf(behaviour.events),
      state: codecOf(behaviour.state),
      ...(behaviour.large === true ? { slices: slicedCodecOf(behaviour.state) } : {}),
      activity: Object.fromEntries(
        Object.entries(activities as ActivityMap).map(([name, spec]) => [
          name,
          { input: codecOf(spec.input), output: codecOf(spec.output), progress: codecOf(spec.progress) },
        ]),
      ),
    },
  }
}
