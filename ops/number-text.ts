/** Numbers, spans and times as people read them. */
import type { Language } from "./language.ts"

const rounded = (value: number): string => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return String(Number(value.toFixed(digits)))
}

const binary = ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"] as const

export const formatValue = (value: number, unit: string): string => {
  if (unit !== "B/s") return `${rounded(value)}${unit === "" ? "" : ` ${unit}`}`
  let power = 0
  let scaled = value
  while (Math.abs(scaled) >= 1_024 && power < binary.length - 1) {
    scaled /= 1_024
    power += 1
  }
  return `${rounded(scaled)} ${binary[power]}`
}

const spans: ReadonlyArray<readonly [number, string, string]> = [
  [86_400_000, "d", "일"],
  [3_600_000, "h", "시간"],
  [60_000, "min", "분"],
  [1_000, "s", "초"],
]

export const formatSpan = (ms: number, language: Language): string => {
  const [unitMs, english, korean] = spans.find(([size]) => ms >= size) ?? spans.at(-1)!
  const amount = rounded(ms / unitMs)
  return language === "ko" ? `${amount}${korean}` : `${amount} ${english}`
}

/** UTC, ISO 8601, whole seconds. */
export const formatTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
