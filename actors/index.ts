/** What others may use of the actors: each kind with its projection and queries. */
export { type Positions, type ProjectionProgress, type TraceSearch, TraceStore } from "./trace/store.ts"
