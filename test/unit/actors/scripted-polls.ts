/** Rules that poll, with fetches as a suite says, and single fetches of servers that answer so. */
import * as Effect from "effect/Effect"
import { PlatformAccess } from "../../../actors/index.ts"
import { fetchSamples } from "../../../actors/metric-poll/fetch-samples.ts"
import { MetricPoll, type PollInput } from "../../../actors/metric-poll/metric-poll.ts"
import type { EngineShape } from "../../../engine/index.ts"
import type { SecretsService } from "../../../resources/index.ts"
import {
  CepRuleProtocol,
  MetricPollProtocol,
  type Poll,
  type PollResult,
  type Sample,
} from "../../../schemas/index.ts"
import { implementation } from "../../support/deployment.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask } from "../../support/product.ts"

export const poll: Poll = {
  url: "http://metrics.example/cpu",
  every: "30s",
  format: "json",
  path: "$.usage_percent",
}
export const define = (engine: EngineShape, given: Poll = poll) =>
  ask(engine, CepRuleProtocol, "cpu", {
    _tag: "Define",
    document: {
      name: "cpu",
      trigger: { type: "metric", metric: "cpu", poll: given },
      condition: "value > 80",
    },
  })
export const view = (engine: EngineShape) => ask(engine, MetricPollProtocol, "cpu", { _tag: "Read" })

/** Fetches that take `lastsMs` and end as told; when each began. */
export const scripted = (script: { readonly lastsMs: number; readonly result: Partial<PollResult> }) => {
  const began: Array<number> = []
  const poller = implementation(MetricPoll as never, {
    poll: () =>
      Effect.gen(function* () {
        const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        began.push(at)
        yield* Effect.sleep(script.lastsMs)
        return { result: { at, latencyMs: script.lastsMs, samples: 1, ...script.result } }
      }),
  })
  return { began, poller }
}

/** One fetch of a server that answers so, what reaches the metric stream, and with which headers it was asked. */
export const fetchOf = async (
  response: () => Response | Promise<Response>,
  given: Partial<PollInput> = {},
  secrets: SecretsService = scriptedPlatform().secrets,
) => {
  const samples: Array<Sample> = []
  const asked: Array<Headers> = []
  const platform = scriptedPlatform()
  const access = PlatformAccess.of({
    platform: Effect.succeed({
      ...platform,
      secrets,
      egress: {
        ...platform.egress,
        limited: () => async (_url, init) => {
          asked.push(new Headers(init?.headers))
          return response()
        },
      },
      lanes: {
        ...platform.lanes,
        appendSamples: (_: string, stored: ReadonlyArray<Sample>) =>
          Effect.sync(() => void samples.push(...stored)),
      },
    }),
    fill: () => Effect.void,
  })
  const input: PollInput = { poll, metric: "cpu", names: ["cpu"], timeoutMs: 1_000, ...given }
  const self = { tenant: "t", kind: "metric-poll", key: "r" }
  const fetching = fetchSamples(input, { self } as never)
  const output = await Effect.runPromise(Effect.provideService(fetching, PlatformAccess, access))
  return { ...output, asked, samples: samples.map(({ name, labels, value }) => ({ name, labels, value })) }
}
