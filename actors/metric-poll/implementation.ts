/** What a poll's one activity does, and how many of them a node does at a time. */
import * as Semaphore from "effect/Semaphore"
import { implementKind } from "../implement-kind.ts"
import { fetchSamples } from "./fetch-samples.ts"
import { MetricPoll } from "./metric-poll.ts"

/** Fetches that are under way on a node at a time; others wait. */
export const pollsRunningMax = 64

const running = Semaphore.makeUnsafe(pollsRunningMax)

export const metricPollImplementation = implementKind(MetricPoll, {
  poll: (input, run) => running.withPermit(fetchSamples(input, run)),
})
