/** A rule that polls has its samples fetched by an actor of its own for as long as it is enabled. */
import { MetricPollProtocol, type Outgoing, type RuleDocument } from "../../schemas/index.ts"
import type { State } from "./state.ts"

/** All metrics that the rule looks at: a poll may fetch several. */
const metricsOf = (document: RuleDocument, metric: string): ReadonlyArray<string> => {
  const stages = document.pattern?.stages ?? []
  const named = [
    ...Object.values(document.aggregates ?? {}),
    ...stages.flatMap((stage) => [
      stage,
      ...(stage.any_of ?? []),
      ...(stage.all_of ?? []),
      ...(stage.group ?? []),
    ]),
  ]
  return [...new Set([metric, ...named.flatMap((one) => (one.metric === undefined ? [] : [one.metric]))])]
}

const polledBy = ({ document }: State) =>
  document?.enabled === true && document.trigger.type === "metric" ? document.trigger : undefined

/** What the poller has to hear of a change: of rules that neither polled nor poll, nothing. */
export const pollOf = (before: State, after: State): ReadonlyArray<Outgoing> => {
  const trigger = polledBy(after)
  if (trigger?.poll === undefined && polledBy(before)?.poll === undefined) return []
  const metric = trigger?.metric ?? polledBy(before)!.metric
  const names = after.document === undefined ? [] : metricsOf(after.document, metric)
  const poll = trigger?.poll === undefined ? {} : { poll: trigger.poll }
  return [
    MetricPollProtocol.tell(after.rule, { _tag: "Follow", number: after.number, metric, names, ...poll }),
  ]
}
