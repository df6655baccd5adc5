/** Why something did not go out, or its answer did not come in. */

export type EgressProblem =
  | "url"
  /** Nobody knows the name. */
  | "name"
  /** The address is not one of the public internet, and nobody allowed it. */
  | "address"
  | "redirect"
  /** The answer is larger than it may be. */
  | "size"
  /** The answer was not complete in time. */
  | "time"

/** Names the host and what helps; the URL's path and query are left out, since they may hold secrets. */
export class EgressRefused extends Error {
  readonly _tag = "EgressRefused"
  override readonly name = "EgressRefused"
  readonly problem: EgressProblem
  readonly host: string
  readonly reason: string
  readonly remedy: string

  constructor(problem: EgressProblem, host: string, reason: string, remedy: string) {
    super(`${host}: ${reason}; ${remedy}`)
    this.problem = problem
    this.host = host
    this.reason = reason
    this.remedy = remedy
  }
}
