/** Rules as they go over the wire. */
import type { ListedRule } from "../../../actors/index.ts"
import type { RuleView } from "../../../schemas/index.ts"

export const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

const timeOf = <Name extends string>(name: Name, milliseconds: number | undefined) =>
  (milliseconds === undefined ? {} : { [name]: timestamp(milliseconds) }) as { readonly [N in Name]?: string }

export const summaryBody = (listed: ListedRule) => {
  const { rule, version, number, document, createdAt, updatedAt, updatedBy } = listed
  return {
    rule_id: rule,
    version,
    number,
    document,
    created_at: timestamp(createdAt),
    updated_at: timestamp(updatedAt),
    ...(updatedBy === undefined ? {} : { updated_by: updatedBy }),
  }
}

export const ruleBody = ({ live, runs, ...view }: RuleView) => ({
  ...summaryBody(view),
  ...(live === undefined
    ? {}
    : { live: { since: timestamp(live.at), lane: live.lane, sequence: live.sequence } }),
  ...(runs === undefined
    ? {}
    : {
        runs: {
          ...timeOf("next_at", runs.nextAt),
          ...timeOf("last_at", runs.lastAt),
          waiting: runs.waiting,
          missed: runs.missed,
        },
      }),
})
