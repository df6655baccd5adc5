/**
 * Server-sent events out of pieces of text. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { clientErrors, MillraceError } from "./error.ts"

export interface RawEvent {
  /** What to resume after; undefined when the event has none. */
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: string
}

const tooLong = (charactersMax: number) =>
  new MillraceError({
    code: clientErrors.stream,
    message: "An event is too long.",
    details: { limit: "eventCharactersMax", characters_max: charactersMax },
  })

export class EventParser {
  readonly #charactersMax: number
  #rest = ""
  #id: string | undefined
  #event: string | undefined
  #data: Array<string> = []
  #characters = 0
  /** What the server asked for in a `retry` field. Units: milliseconds. */
  retryMs: number | undefined

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax
  }

  /** The events that this piece completes. Errors: `clientErrors.stream`. */
  push(piece: string): ReadonlyArray<RawEvent> {
    const events: Array<RawEvent> = []
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ""
    if (this.#rest.length > this.#charactersMax) throw tooLong(this.#charactersMax)
    for (const line of lines)
      if (line !== "") this.#field(line)
      else if (this.#data.length > 0) events.push(this.#complete())
      else this.#clear()
    return events
  }

  #field(line: string): void {
    const colon = line.indexOf(":")
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "data") {
      this.#characters += value.length
      if (this.#characters > this.#charactersMax) throw tooLong(this.#charactersMax)
      this.#data.push(value)
    } else if (name === "id" && !value.includes("\0")) this.#id = value
    else if (name === "event") this.#event = value
    else if (name === "retry" && /^\d{1,7}$/.test(value)) this.retryMs = Number(value)
  }

  #complete(): RawEvent {
    const event = { id: this.#id, event: this.#event, data: this.#data.join("\n") }
    this.#clear()
    return event
  }

  #clear(): void {
    this.#id = undefined
    this.#event = undefined
    this.#data = []
    this.#characters = 0
  }
}
