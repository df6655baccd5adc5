/** The text of one turn's answer, put together from its events; over WebSockets and event streams alike. */

/** What is looked at of an event, whatever its transport calls it. */
export interface AnswerEvent {
  readonly type: string
  readonly content?: unknown
  readonly index?: unknown
}

export class AnswerText {
  readonly #tokens: Array<string> = []

  /** What an agent said before it began anew is taken out again. */
  take({ type, content, index }: AnswerEvent): void {
    if (type === "token" && typeof index === "number") this.#tokens[index] = String(content)
    if ((type === "restart" || type === "stream_restart") && typeof index === "number")
      this.#tokens.length = Math.min(this.#tokens.length, index)
  }

  /** As far as it holds. */
  get text(): string {
    return this.#tokens.join("")
  }
}
