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
import { fold } from "./fold.ts"
import { change, follow } from "./follow.ts"
import { patternCharactersMax, quietBytesMax, quietPageBytesMax } from "./limits.ts"
import { matcherProblems, patternCharactersOf, patternProblems } from "./matchers.ts"
import { isOn, maintenanceProblems, silenceProblems, windowOf } from "./quiet.ts"
import { groupingProblems, noGrouping } from "./routing.ts"
import type { Event, State } from "./state.ts"

type Command<T> = Extract<(typeof AlertDeskProtocol)["Command"], { readonly _tag: T }>
type Kind = Command<"ReadQuiet">["of"]
type Kept = State[Kind][string]

const countsMax: Readonly<Record<Kind, number>> = {
  silences: silencesMax,
  maintenances: maintenancesMax,
  inhibitions: inhibitionsMax,
}

const bytesNow = (state: State): number =>
  bytesOf(state.silences) + bytesOf(state.maintenances) + bytesOf(state.inhibitions)

/** No silence has such an id. */
const groupingId = "/grouping"

/** Those of what has the id `id` stay out. */
const matchersNow = (
  { silences, maintenances, inhibitions, grouping = noGrouping }: State,
  id: string,
): ReadonlyArray<Matcher> => [
  ...(id === groupingId ? [] : grouping.routes.flatMap((route) => route.matchers)),
  ...[...Object.values(silences), ...Object.values(maintenances)].flatMap((one) =>
    one.id === id ? [] : one.matchers,
  ),
  ...Object.values(inhibitions).flatMap((one) => (one.id === id ? [] : [...one.source, ...one.target])),
]

const tooManyCharacters = (state: State, id: string, matchers: ReadonlyArray<Matcher>) =>
  patternCharactersOf([...matchersNow(state, id), ...matchers]) > patternCharactersMax
    ? { _tag: "TooMany" as const, limit: "characters of regular expressions", max: patternCharactersMax }
    : undefined

interface Edit {
  readonly expected?: number | undefined
  readonly replaces?: boolean | undefined
}

/** Why what is there, or is not, is not to be changed. */
const refusal = (before: Kept | undefined, { expected, replaces = false }: Edit) => {
  if (before === undefined)
    return replaces || expected !== undefined ? { _tag: "QuietUnknown" as const } : undefined
  const { version = 1 } = before
  return expected === undefined || expected === version
    ? undefined
    : { _tag: "QuietConflict" as const, version }
}

/** Accepts one more of a kind, or one in the place of that with its id. */
const put = <K extends Kind>(
  state: State,
  context: DecideContext,
  of: K,
  edit: Edit,
  given: {
    readonly id: string
    readonly matchers: ReadonlyArray<Matcher>
    readonly problems: ReadonlyArray<Problem>
    readonly event: () => Event
  },
) => {
  const { id, matchers, problems, event } = given
  const refused = refusal(state[of][id], edit)
  if (refused !== undefined) return reject(refused)
  if (problems.length > 0) return reject({ _tag: "BadQuiet" as const, problems })
  const replaces = Object.hasOwn(state[of], id)
  if (Object.keys(state[of]).length >= countsMax[of] && !replaces)
    return reject({ _tag: "TooMany" as const, limit: of, max: countsMax[of] })
  const many = tooManyCharacters(state, id, matchers)
  if (many !== undefined) return reject(many)
  const added = event()
  if (bytesNow(state) + bytesOf(added) > quietBytesMax)
    return reject({ _tag: "TooMany" as const, limit: `bytes of ${of}`, max: quietBytesMax })
  const after = fold(state, [added])
  return accept({ ...follow(state, after, [added], context), reply: after[of][id] as State[K][string] })
}

const end = (
  state: State,
  context: DecideContext,
  of: Kind,
  { id, expected }: { readonly id: string; readonly expected?: number },
  event: Event,
) => {
  const refused = refusal(state[of][id], { expected, replaces: true })
  return refused === undefined ? accept(change(state, [event], context)) : reject(refused)
}

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
  PutSilence: (state: State, { silence, by, ...edit }: Command<"PutSilence">, context: DecideContext) => {
    const { now: at } = context
    const event = () => ({ _tag: "SilencePut", silence, active: silence.startsAt <= at, by, at }) as const
    return put(state, context, "silences", edit, {
      ...silence,
      problems: silenceProblems(silence, at),
      event,
    })
  },
  EndSilence: (state: State, { id, by, ...edit }: Command<"EndSilence">, context: DecideContext) =>
    end(state, context, "silences", { id, ...edit }, { _tag: "SilenceEnded", id, by, at: context.now }),
  PutMaintenance: (
    state: State,
    { maintenance, by, ...edit }: Command<"PutMaintenance">,
    context: DecideContext,
  ) => {
    const { now: at } = context
    const event = () => {
      const window = windowOf(maintenance, at)
      const on = { active: isOn(window, at), ...(window === undefined ? {} : { window }) }
      return { _tag: "MaintenancePut", maintenance, ...on, by, at } as const
    }
    const problems = maintenanceProblems(maintenance, at)
    return put(state, context, "maintenances", edit, { ...maintenance, problems, event })
  },
  EndMaintenance: (state: State, { id, by, ...edit }: Command<"EndMaintenance">, context: DecideContext) =>
    end(
      state,
      context,
      "maintenances",
      { id, ...edit },
      { _tag: "MaintenanceEnded", id, by, at: context.now },
    ),
  PutInhibition: (
    state: State,
    { inhibition, by, ...edit }: Command<"PutInhibition">,
    context: DecideContext,
  ) => {
    const { id, source, target } = inhibition
    const problems = [...matcherProblems("source", source), ...patternProblems("target", target)]
    const event = () => ({ _tag: "InhibitionPut", inhibition, by, at: context.now }) as const
    return put(state, context, "inhibitions", edit, { id, matchers: [...source, ...target], problems, event })
  },
  RemoveInhibition: (
    state: State,
    { id, by, ...edit }: Command<"RemoveInhibition">,
    context: DecideContext,
  ) =>
    end(
      state,
      context,
      "inhibitions",
      { id, ...edit },
      { _tag: "InhibitionRemoved", id, by, at: context.now },
    ),
  PutGrouping: (state: State, { grouping, by, expected }: Command<"PutGrouping">, context: DecideContext) => {
    const { version } = state.grouping ?? noGrouping
    if (expected !== undefined && expected !== version)
      return reject({ _tag: "GroupingConflict" as const, version })
    const problems = groupingProblems(grouping)
    if (problems.length > 0) return reject({ _tag: "BadGrouping" as const, problems })
    const matchers = grouping.routes.flatMap((route) => route.matchers)
    const many = tooManyCharacters(state, groupingId, matchers)
    if (many !== undefined) return reject(many)
    const added = [{ _tag: "GroupingPut" as const, grouping, by, at: context.now }]
    return accept({ ...change(state, added, context), reply: { ...grouping, version: version + 1 } })
  },
  ReadGrouping: ({ grouping = noGrouping }: State) => accept({ reply: grouping }),
  ReadQuiet: (state: State, { of, after = "" }: Command<"ReadQuiet">) => {
    const { page, next } = pageOf<{ readonly id: string }>(state[of], after)
    const none = { silences: [], maintenances: [], inhibitions: [] }
    const reply = { ...none, [of]: page, ...(next === undefined ? {} : { next }) }
    return accept({ reply: reply as typeof none & { readonly next?: string } })
  },
}
