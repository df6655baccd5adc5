/** Lengths of time as rule authors write them: `30s`, `5m`, `1h30m`. Source: https://prometheus.io/docs/prometheus/latest/querying/basics/#time-durations */
import * as Schema from "effect/Schema"

export const DurationText = Schema.String.check(
  Schema.isPattern(
    /^(?:0|(?:[0-9]{1,6}w)?(?:[0-9]{1,6}d)?(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,9}s)?(?:[0-9]{1,9}ms)?)$/u,
    {
      expected: "a length of time such as 30s, 5m, 1h30m or 7d",
      arbitraryConstraint: { patterns: [{ source: "^[1-9][0-9]{0,2}[smh]$", flags: "u" }] },
    },
  ),
  Schema.isMinLength(1),
)
export type DurationText = typeof DurationText.Type

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** Milliseconds of a duration. Gotcha: only for what `DurationText` has accepted. */
export const durationMs = (text: DurationText): number => {
  let total = 0
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(ms|[smhdw])/gu)) {
    total += Number(digits) * unitMs[unit as keyof typeof unitMs]
  }
  return total
}

/** The shortest text of a length of time in milliseconds. */
export const durationText = (ms: number): DurationText => {
  let left = Math.round(ms)
  let text = ""
  for (const unit of ["w", "d", "h", "m", "s", "ms"] as const) {
    const count = Math.floor(left / unitMs[unit])
    if (count > 0) text += `${count}${unit}`
    left -= count * unitMs[unit]
  }
  return text === "" ? "0" : text
}
