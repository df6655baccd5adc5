/**
 * Which enabled rules want which metric: one actor per tenant, told by the rules, read by the metric feed.
 *
 * I1 A rule is listed at most once. I2 The version grows with every change, and each change is signalled.
 */
import * as Schema from "effect/Schema"
import { accept, type DecideContext, define } from "../../engine/index.ts"
import { RuleIndexProtocol, RuleIndexView, ruleIndexTopic } from "../../schemas/index.ts"

const changed = (version: number, { self }: DecideContext) => [
  { topic: ruleIndexTopic(self.tenant), body: { version: version + 1 } },
]

export const RuleIndex = define(RuleIndexProtocol, {
  state: RuleIndexView,
  events: {
    Listed: { rule: Schema.String, metric: Schema.String },
    Unlisted: { rule: Schema.String },
  },
  initial: () => ({ version: 0, rules: [] }),
  decide: {
    Enrolled: ({ version, rules }, { rule, metric }, context) =>
      rules.some((listed) => listed.rule === rule && listed.metric === metric)
        ? accept()
        : accept({ events: [{ _tag: "Listed", rule, metric }], signal: changed(version, context) }),
    Withdrawn: ({ version, rules }, { rule }, context) =>
      rules.some((listed) => listed.rule === rule)
        ? accept({ events: [{ _tag: "Unlisted", rule }], signal: changed(version, context) })
        : accept(),
    Read: (state) => accept({ reply: state }),
  },
  evolve: {
    Listed: ({ version, rules }, { rule, metric }) => ({
      version: version + 1,
      rules: [...rules.filter((listed) => listed.rule !== rule), { rule, metric }],
    }),
    Unlisted: ({ version, rules }, { rule }) => ({
      version: version + 1,
      rules: rules.filter((listed) => listed.rule !== rule),
    }),
  },
})
