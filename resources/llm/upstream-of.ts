/** Which provider's client serves a model. */
import * as Redacted from "effect/Redacted"
import type { EgressService } from "../egress/egress.ts"
import type { Model } from "../llm-models/model.ts"
import { anthropicUpstream } from "./anthropic-upstream.ts"
import { UpstreamFailure } from "./failure.ts"
import { llmLimits } from "./limits.ts"
import { offlineUpstream } from "./offline-upstream.ts"
import { openaiUpstream } from "./openai-upstream.ts"
import type { Upstream } from "./upstream.ts"

/** Throws an `UpstreamFailure` for settings that lead nowhere. */
export const upstreamOf = (
  egress: EgressService,
  model: Model,
  apiKey: Redacted.Redacted | undefined,
): Upstream => {
  if (model.provider === "Offline") return offlineUpstream
  if (!URL.canParse(model.endpoint)) throw new UpstreamFailure("configuration", "the endpoint is not a URL")
  const fetch = egress.limited({ bytesMax: llmLimits.answerBytesMax, totalMs: model.time_out_ms })
  const key = apiKey === undefined ? undefined : Redacted.value(apiKey)
  return model.provider === "Anthropic"
    ? anthropicUpstream(model, key, fetch)
    : openaiUpstream(model, key, fetch)
}
