/** What says which alerts something is about. */
import * as Schema from "effect/Schema"
import { LabelName } from "../metric.ts"
import { storableTextOf } from "../text.ts"

export const matchersMax = 20
/** Characters of a regular expression in a matcher. */
export const matcherPatternMax = 200

/**
 * As Alertmanager's: `=`, `!=`, `=~`, `!~`; regular expressions are anchored. A label that is not there is empty. Besides
 * labels there are the names `rule`, `alertname` and `severity`.
 */
export const Matcher = Schema.Struct({
  name: LabelName,
  value: storableTextOf(256),
  operator: Schema.Literals(["=", "!=", "=~", "!~"]),
}).annotate({ identifier: "Matcher" })
export type Matcher = typeof Matcher.Type
export const Matchers = Schema.Array(Matcher).check(Schema.isMinLength(1), Schema.isMaxLength(matchersMax))
