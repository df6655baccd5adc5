/** A rule that polls has its samples fetched by an actor of its own for as long as it is enabled. */
import { MetricPollProtocol, type Outgoing, type RuleDocument } from "../../schemas/index.ts"
import { pollOrigin } from "../metric-poll/credential.ts"
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
  document?.trigger.type === "metric" && document.trigger.poll !== undefined
    ? { metric: document.trigger.metric, poll: document.trigger.poll, isEnabled: document.enabled === true }
    : undefined

/** What the poller has to hear of a change: of rules that neither polled nor poll, nothing. */
export const pollOf = (before: State, after: State): ReadonlyArray<Outgoing> => {
  const [was, is] = [polledBy(before), polledBy(after)]
  const known = is ?? was
  if (known === undefined) return []
  const { metric } = known
  const names = after.document === undefined ? [] : metricsOf(after.document, metric)
  const origin = is === undefined ? undefined : pollOrigin(is.poll.url)
  return [
    MetricPollProtocol.tell(after.rule, {
      _tag: "Follow",
      number: after.number,
      metric,
      names,
      ...(origin === undefined ? {} : { origin }),
      ...(is?.isEnabled === true ? { poll: is.poll } : {}),
    }),
  ]
}
