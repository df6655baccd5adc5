/** What others may use of the engine. */
export * as Address from "./address.ts"
export type { Caller, DecideContext, Decision, Due, Outcome } from "./decision.ts"
export { accept, reject } from "./decision.ts"
export type { ActorKind, AnyKind, Fired } from "./define.ts"
export { activity, define } from "./define.ts"
