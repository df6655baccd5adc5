/** The circuit breakers of all models that this node calls. Each node learns for itself what it can reach. */
import { type Breaker, closedBreaker, enter, type Outcome, settle, type Ticket } from "./breaker.ts"

/** Models at endpoints; whoever was called longest ago is forgotten first, and begins closed again. */
const breakersMax = 4_096

export class Breakers {
  readonly #breakers = new Map<string, Breaker>()

  #put(key: string, breaker: Breaker): void {
    this.#breakers.delete(key)
    if (this.#breakers.size >= breakersMax) this.#breakers.delete(this.#breakers.keys().next().value!)
    this.#breakers.set(key, breaker)
  }

  /** A ticket, or for how long nobody is let in. */
  enter(key: string, now: number): Ticket | { readonly retryAfterMs: number } {
    const entrance = enter(this.#breakers.get(key) ?? closedBreaker, now)
    this.#put(key, entrance.breaker)
    return entrance.ticket ?? { retryAfterMs: entrance.retryAfterMs }
  }

  settle(key: string, ticket: Ticket, outcome: Outcome, now: number): void {
    const breaker = this.#breakers.get(key)
    if (breaker !== undefined) this.#put(key, settle(breaker, ticket, outcome, now))
  }
}
