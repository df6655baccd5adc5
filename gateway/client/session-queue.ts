/** Events that wait for their one reader, within a bound. */

export class EventQueue<A> implements AsyncIterableIterator<A> {
  readonly #waitingMax: number
  readonly #drained: () => void
  #waiting: Array<A> = []
  #reader:
    | { readonly resolve: (result: IteratorResult<A>) => void; readonly reject: (cause: unknown) => void }
    | undefined
  #end: { readonly reason: unknown } | undefined

  /** `drained`: the reader has taken all that waited. */
  constructor(waitingMax: number, drained: () => void) {
    this.#waitingMax = waitingMax
    this.#drained = drained
  }

  /** Takes it always; false when nothing more should come before it is drained. */
  push(value: A): boolean {
    if (this.#end !== undefined) return true
    const reader = this.#reader
    if (reader === undefined) return this.#waiting.push(value) < this.#waitingMax
    this.#reader = undefined
    reader.resolve({ done: false, value })
    return true
  }

  /** What waits is still read; then it is over, or fails with the reason. */
  end(reason: unknown): void {
    this.#end = { reason }
    const reader = this.#reader
    this.#reader = undefined
    if (reason === undefined) reader?.resolve({ done: true, value: undefined })
    else reader?.reject(reason)
  }

  next(): Promise<IteratorResult<A>> {
    if (this.#reader !== undefined) return Promise.reject(new TypeError("a session's events have one reader"))
    if (this.#waiting.length > 0) {
      const value = this.#waiting.shift()!
      if (this.#waiting.length === 0) this.#drained()
      return Promise.resolve({ done: false, value })
    }
    if (this.#end === undefined)
      return new Promise((resolve, reject) => {
        this.#reader = { resolve, reject }
      })
    const { reason } = this.#end
    return reason === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
