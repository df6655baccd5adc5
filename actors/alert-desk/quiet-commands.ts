/** What people do to silences, planned work and inhibitions: checked, bounded, and read a page at a time. */
import { accept, type DecideContext, reject } from "../../engine/index.ts"
import {
  type AlertDeskProtocol,
  inhibitionsMax,
  type Matcher,
  maintenancesMax,
  type Problem,
  silencesMax,
} from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { change } from "./follow.ts"
import { patternCharactersMax, quietBytesMax, quietPageBytesMax } from "./limits.ts"
import { matcherProblems, patternCharactersOf, patternProblems } from "./matchers.ts"
import { isOn, maintenanceProblems, silenceProblems, windowOf } from "./quiet.ts"
import type { Event, State } from "./state.ts"

type Command<T> = Extract<(typeof AlertDeskProtocol)["Command"], { readonly _tag: T }>
type Kind = Command<"ReadQuiet">["of"]

const countsMax: Readonly<Record<Kind, number>> = {
  silences: silencesMax,
  maintenances: maintenancesMax,
  inhibitions: inhibitionsMax,
}

const bytesNow = (state: State): number =>
  bytesOf(state.silences) + bytesOf(state.maintenances) + bytesOf(state.inhibitions)

/** Those of what has the id `id` stay out. */
const matchersNow = ({ silences, maintenances, inhibitions }: State, id: string): ReadonlyArray<Matcher> => [
  ...[...Object.values(silences), ...Object.values(maintenances)].flatMap((one) =>
    one.id === id ? [] : one.matchers,
  ),
  ...Object.values(inhibitions).flatMap((one) => (one.id === id ? [] : [...one.source, ...one.target])),
]

/** Accepts one more of a kind, or one in the place of that with its id. */
const put = (
  state: State,
  context: DecideContext,
  of: Kind,
  given: {
    readonly id: string
    readonly matchers: ReadonlyArray<Matcher>
    readonly problems: ReadonlyArray<Problem>
    readonly event: () => Event
  },
) => {
  const { id, matchers, problems, event } = given
  if (problems.length > 0) return reject({ _tag: "BadQuiet" as const, problems })
  const replaces = Object.hasOwn(state[of], id)
  if (Object.keys(state[of]).length >= countsMax[of] && !replaces)
    return reject({ _tag: "TooMany" as const, limit: of, max: countsMax[of] })
  const characters = patternCharactersOf([...matchersNow(state, id), ...matchers])
  if (characters > patternCharactersMax)
    return reject({
      _tag: "TooMany" as const,
      limit: "characters of regular expressions",
      max: patternCharactersMax,
    })
  const added = event()
  if (bytesNow(state) + bytesOf(added) > quietBytesMax)
    return reject({ _tag: "TooMany" as const, limit: `bytes of ${of}`, max: quietBytesMax })
  return accept(change(state, [added], context))
}

const end = (state: State, context: DecideContext, of: Kind, id: string, event: Event) =>
  Object.hasOwn(state[of], id)
    ? accept(change(state, [event], context))
    : reject({ _tag: "QuietUnknown" as const })

const pageOf = <A extends { readonly id: string }>(
  all: Readonly<Record<string, A>>,
  after: string,
): { readonly page: ReadonlyArray<A>; readonly next?: string } => {
  const waiting = Object.values(all)
    .filter(({ id }) => id > after)
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
  let bytes = 0
  const beyond = waiting.findIndex((one, index) => {
    bytes += bytesOf(one)
    return index > 0 && bytes > quietPageBytesMax
  })
  if (beyond < 0) return { page: waiting }
  return { page: waiting.slice(0, beyond), next: waiting[beyond - 1]!.id }
}

export const quietCommands = {
  PutSilence: (state: State, { silence, by }: Command<"PutSilence">, context: DecideContext) => {
    const { now: at } = context
    const event = () => ({ _tag: "SilencePut", silence, active: silence.startsAt <= at, by, at }) as const
    return put(state, context, "silences", {
      ...silence,
      problems: silenceProblems(silence, at),
      event,
    })
  },
  EndSilence: (state: State, { id, by }: Command<"EndSilence">, context: DecideContext) =>
    end(state, context, "silences", id, { _tag: "SilenceEnded", id, by, at: context.now }),
  PutMaintenance: (state: State, { maintenance, by }: Command<"PutMaintenance">, context: DecideContext) => {
    const { now: at } = context
    const event = () => {
      const window = windowOf(maintenance, at)
      const on = { active: isOn(window, at), ...(window === undefined ? {} : { window }) }
      return { _tag: "MaintenancePut", maintenance, ...on, by, at } as const
    }
    const problems = maintenanceProblems(maintenance, at)
    return put(state, context, "maintenances", { ...maintenance, problems, event })
  },
  EndMaintenance: (state: State, { id, by }: Command<"EndMaintenance">, context: DecideContext) =>
    end(state, context, "maintenances", id, { _tag: "MaintenanceEnded", id, by, at: context.now }),
  PutInhibition: (state: State, { inhibition, by }: Command<"PutInhibition">, context: DecideContext) => {
    const { id, source, target } = inhibition
    const problems = [...matcherProblems("source", source), ...patternProblems("target", target)]
    const event = () => ({ _tag: "InhibitionPut", inhibition, by, at: context.now }) as const
    return put(state, context, "inhibitions", { id, matchers: [...source, ...target], problems, event })
  },
  RemoveInhibition: (state: State, { id, by }: Command<"RemoveInhibition">, context: DecideContext) =>
    end(state, context, "inhibitions", id, { _tag: "InhibitionRemoved", id, by, at: context.now }),
  ReadQuiet: (state: State, { of, after = "" }: Command<"ReadQuiet">) => {
    const { page, next } = pageOf<{ readonly id: string }>(state[of], after)
    const none = { silences: [], maintenances: [], inhibitions: [] }
    const reply = { ...none, [of]: page, ...(next === undefined ? {} : { next }) }
    return accept({ reply: reply as typeof none & { readonly next?: string } })
  },
}
