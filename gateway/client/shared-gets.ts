/**
 * Identical GETs that run at the same time are one request. Everybody who asked may leave on their own; the request ends
 * when all have left. Nothing is kept once it is answered: this is no cache.
 */
import { abortable } from "./abortable.ts"

interface Running<A> {
  readonly answer: Promise<A>
  readonly controller: AbortController
  waiting: number
}

export class SharedGets<A> {
  readonly #running = new Map<string, Running<A>>()
  readonly #runningMax: number

  constructor(runningMax: number) {
    this.#runningMax = runningMax
  }

  /** `A` is given to several callers: it must not be changed. */
  get(key: string, signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<A>): Promise<A> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const running = this.#running.get(key) ?? this.#start(key, run)
    running.waiting += 1
    return abortable(running.answer, signal, () => this.#leave(key, running))
  }

  #start(key: string, run: (signal: AbortSignal) => Promise<A>): Running<A> {
    const controller = new AbortController()
    const running: Running<A> = { answer: run(controller.signal), controller, waiting: 0 }
    if (this.#running.size < this.#runningMax) this.#running.set(key, running)
    const done = () => this.#forget(key, running)
    running.answer.then(done, done)
    return running
  }

  #leave(key: string, running: Running<A>): void {
    running.waiting -= 1
    if (running.waiting > 0) return
    // Whoever asks from now on is not given the request that is being ended.
    this.#forget(key, running)
    running.controller.abort()
  }

  #forget(key: string, running: Running<A>): void {
    if (this.#running.get(key) === running) this.#running.delete(key)
  }
}
