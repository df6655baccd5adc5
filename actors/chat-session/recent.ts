/**
 * The newest events of a session, for clients that resume. Tokens, which are most of them, are kept as the text of up to
 * `groupTokensMax` with where to cut it: an answer of thousands is a few dozen entries, and one more report copies no more.
 */
import * as Schema from "effect/Schema"
import { type SessionEvent, SessionEvent as SessionEventSchema } from "../../schemas/index.ts"

/** Characters of the events kept besides those of the newest turn. */
export const recentCharactersMax = 48_000
/** Of the newest turn, with what was void of it. */
export const turnCharactersMax = 400_000
export const groupTokensMax = 256
/** What an entry counts besides its text. */
const entryCharacters = 60

/** Tokens `index`, `index` + 1, … of a turn, as events `n`, `n` + 1, …: token i was said `laterMs[i]` after `at`. */
const Tokens = Schema.Struct({
  type: Schema.Literal("tokens"),
  n: Schema.Int,
  turn: Schema.Int,
  index: Schema.Int,
  at: Schema.Finite,
  text: Schema.String,
  lengths: Schema.Array(Schema.Int),
  laterMs: Schema.Array(Schema.Finite),
})
type Tokens = typeof Tokens.Type

export const Recent = Schema.Struct({
  entries: Schema.Array(Schema.Union([Tokens, SessionEventSchema])),
  characters: Schema.Int,
  /** Number of the newest event. */
  last: Schema.Int,
})
export type Recent = typeof Recent.Type
type Entry = Recent["entries"][number]

export const nothingRecent: Recent = { entries: [], characters: 0, last: 0 }

export type Unnumbered = SessionEvent extends infer E
  ? E extends SessionEvent
    ? Omit<E, "n" | "turn" | "at">
    : never
  : never

const textOf = (entry: Entry): string =>
  entry.type === "tokens" ? entry.text : "content" in entry ? entry.content : ""
const charactersOf = (entry: Entry): number => entryCharacters + textOf(entry).length
const lastOf = (entry: Entry): number =>
  entry.type === "tokens" ? entry.n + entry.lengths.length - 1 : entry.n

/** Older turns leave beyond their bound; the newest stays whole, unless it was begun anew again and again. */
const trimmed = ({ entries, characters, last }: Recent): Recent => {
  const newestTurn = entries.at(-1)?.turn ?? 0
  let [first, left] = [0, characters]
  while (left > recentCharactersMax && first < entries.length - 1) {
    const entry = entries[first]!
    if (newestTurn !== 0 && entry.turn === newestTurn && left <= turnCharactersMax) break
    left -= charactersOf(entry)
    first += 1
  }
  return first === 0
    ? { entries, characters, last }
    : { entries: entries.slice(first), characters: left, last }
}

export const withEvent = (recent: Recent, turn: number, at: number, event: Unnumbered): Recent => {
  const entry = { ...event, n: recent.last + 1, turn, at } as SessionEvent
  return trimmed({
    entries: [...recent.entries, entry],
    characters: recent.characters + charactersOf(entry),
    last: entry.n,
  })
}

/** `index`: of the first of the tokens within its turn. */
export const withTokens = (
  recent: Recent,
  turn: number,
  at: number,
  index: number,
  tokens: ReadonlyArray<string>,
): Recent => {
  if (tokens.length === 0) return recent
  const newest = recent.entries.at(-1)
  const joins =
    newest?.type === "tokens" &&
    newest.turn === turn &&
    newest.lengths.length + tokens.length <= groupTokensMax
  const group: Tokens = joins
    ? newest
    : { type: "tokens", n: recent.last + 1, turn, index, at, text: "", lengths: [], laterMs: [] }
  const added = tokens.join("")
  const entry: Tokens = {
    ...group,
    text: group.text + added,
    lengths: [...group.lengths, ...tokens.map(({ length }) => length)],
    laterMs: [...group.laterMs, ...tokens.map(() => at - group.at)],
  }
  return trimmed({
    entries: [...(joins ? recent.entries.slice(0, -1) : recent.entries), entry],
    characters: recent.characters + added.length + (joins ? 0 : entryCharacters),
    last: recent.last + tokens.length,
  })
}

/** Those after number `after`. */
function* eventsOf(entry: Entry, after: number): Generator<SessionEvent> {
  if (entry.type !== "tokens") return yield entry
  const { n, turn, index, at, text, lengths, laterMs } = entry
  const first = Math.max(0, after + 1 - n)
  let from = 0
  for (let place = 0; place < lengths.length; place++) {
    const to = from + lengths[place]!
    if (place >= first)
      yield {
        type: "token",
        content: text.slice(from, to),
        index: index + place,
        n: n + place,
        turn,
        at: at + laterMs[place]!,
      }
    from = to
  }
}

/** Events after number `after`, oldest first; always one when there is one. */
export const eventsAfter = (
  { entries }: Recent,
  after: number,
  bounds: { readonly events: number; readonly characters: number },
): ReadonlyArray<SessionEvent> => {
  const found: Array<SessionEvent> = []
  let characters = 0
  let first = entries.length
  while (first > 0 && lastOf(entries[first - 1]!) > after) first -= 1
  for (const entry of entries.slice(first))
    for (const event of eventsOf(entry, after)) {
      characters += "content" in event ? event.content.length : 0
      if (found.length === bounds.events || (found.length > 0 && characters > bounds.characters)) return found
      found.push(event)
    }
  return found
}

/** Number of the oldest event that is held. */
export const oldestOf = ({ entries, last }: Recent): number => entries[0]?.n ?? last + 1
