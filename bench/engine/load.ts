/** Asks an engine for answers: as many as it can give, or at a fixed rate, and notes how long each took. */
import * as Effect from "effect/Effect"
import type { EngineShape } from "../../engine/index.ts"

export interface Measured {
  readonly commands: number
  readonly perSecond: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

const body = { _tag: "Add", amount: 1 } as const

const summary = (latencies: Float64Array, failed: number, elapsedMs: number): Measured => {
  const sorted = latencies.slice().sort()
  const at = (quantile: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))]! * 100) / 100
  return {
    commands: sorted.length,
    perSecond: Math.round((sorted.length / elapsedMs) * 1_000),
    failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
  }
}

export type Target = (index: number) => string

export const spread =
  (actors: number): Target =>
  (index) =>
    `bench/counter/c${index % actors}`

/** Keeps `inFlight` asks open for a time. */
export const closedLoop = (engine: EngineShape, target: Target, inFlight: number, durationMs: number) =>
  Effect.callback<Measured>((resume) => {
    const latencies: Array<number> = []
    const started = performance.now()
    let issued = 0
    let open = 0
    let failed = 0
    const one = () => {
      const at = performance.now()
      if (at - started > durationMs) {
        if (open === 0) resume(Effect.succeed(summary(Float64Array.from(latencies), failed, at - started)))
        return
      }
      open += 1
      engine.submit(target(issued++), 1, body, { tenant: "bench" }, (result) => {
        open -= 1
        if (!("ok" in result)) failed += 1
        latencies.push(performance.now() - at)
        one()
      })
    }
    for (let index = 0; index < inFlight; index++) one()
  })

/** Asks at a fixed rate, whether answers come or not; latency counts from when an ask was due. */
export const openLoop = (engine: EngineShape, target: Target, perSecond: number, durationMs: number) =>
  Effect.callback<Measured>((resume) => {
    const total = Math.floor((perSecond * durationMs) / 1_000)
    const latencies = new Float64Array(total)
    const started = performance.now()
    let issued = 0
    let answered = 0
    let failed = 0
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - started) * perSecond) / 1_000))
      for (; issued < due; issued++) {
        const index = issued
        const dueAt = started + (index * 1_000) / perSecond
        engine.submit(target(index), 1, body, { tenant: "bench" }, (result) => {
          if (!("ok" in result)) failed += 1
          latencies[index] = performance.now() - dueAt
          answered += 1
          if (answered === total)
            resume(Effect.succeed(summary(latencies, failed, performance.now() - started)))
        })
      }
      if (issued === total) clearInterval(timer)
    }, 1)
  })
