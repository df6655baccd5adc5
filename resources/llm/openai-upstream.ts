/** Providers that speak OpenAI's protocol: OpenAI, Azure, and whatever is compatible. */
import OpenAI, { AzureOpenAI, type ClientOptions } from "openai"
import type { EgressFetch } from "../egress/egress.ts"
import type { Model } from "../llm-models/model.ts"
import type { Piece, Tokens } from "./call.ts"
import { UpstreamFailure } from "./failure.ts"
import { llmLimits } from "./limits.ts"
import type { Upstream } from "./upstream.ts"

/** Azure's protocol version, unless the endpoint names another: `https://host/?api-version=2025-01-01`. */
const azureVersion = "2024-10-21"

/** Whatever the node's own environment holds for the client must not leak into a tenant's calls. */
const optionsOf = (key: string | undefined, fetch: EgressFetch): ClientOptions => ({
  apiKey: key ?? "none",
  adminAPIKey: null,
  organization: null,
  project: null,
  webhookSecret: null,
  fetch: fetch as NonNullable<ClientOptions["fetch"]>,
  maxRetries: 0,
  // Times are kept by the call path, which knows the first token from the last.
  timeout: 2_147_483_647,
  logLevel: "off",
  ...(key === undefined ? { defaultHeaders: { authorization: null } } : {}),
})

const azureClient = (model: Model, key: string | undefined, fetch: EgressFetch): OpenAI => {
  const url = new URL(model.endpoint)
  const options = optionsOf(key, fetch)
  // The newer form of the address takes the model's name in the body as OpenAI does.
  if (/\/openai\/v1\/?$/.test(url.pathname))
    return new OpenAI({
      ...options,
      baseURL: model.endpoint,
      defaultHeaders: { authorization: null, "api-key": key ?? null },
    })
  return new AzureOpenAI({
    ...options,
    apiKey: key ?? "none",
    endpoint: `${url.origin}${url.pathname.replace(/\/$/, "")}`,
    deployment: model.model_name,
    apiVersion: url.searchParams.get("api-version") ?? azureVersion,
  } as ConstructorParameters<typeof AzureOpenAI>[0])
}

const clientOf = (model: Model, key: string | undefined, fetch: EgressFetch): OpenAI =>
  model.provider === "Azure"
    ? azureClient(model, key, fetch)
    : new OpenAI({ ...optionsOf(key, fetch), baseURL: model.endpoint })

const tokensOf = (
  usage: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null | undefined,
): Tokens | undefined =>
  usage == null || typeof usage.prompt_tokens !== "number"
    ? undefined
    : { input: usage.prompt_tokens, output: usage.completion_tokens ?? 0 }

const noAnswer = () => new UpstreamFailure("malformed", "the answer has no choices")

const streamOf = async function* (
  opening: Promise<AsyncIterable<OpenAI.Chat.ChatCompletionChunk>>,
): AsyncGenerator<Piece> {
  let finished = false
  for await (const chunk of await opening) {
    if (!Array.isArray(chunk.choices)) throw noAnswer()
    if (chunk.choices.some(({ finish_reason: reason }) => reason != null)) finished = true
    yield { choices: chunk.choices, tokens: tokensOf(chunk.usage) }
  }
  if (!finished) throw new UpstreamFailure("upstream", "the answer broke off", { retryable: true })
}

export const openaiUpstream = (model: Model, key: string | undefined, fetch: EgressFetch): Upstream => {
  const client = clientOf(model, key, fetch)
  const name = model.model_name
  return {
    complete: async (request, signal) => {
      const answer = await client.chat.completions.create({ ...request, model: name }, { signal })
      if (!Array.isArray(answer?.choices) || answer.choices.length === 0) throw noAnswer()
      return { choices: answer.choices, tokens: tokensOf(answer.usage) }
    },
    stream: (request, signal) =>
      streamOf(
        client.chat.completions.create(
          { ...request, model: name, stream: true, stream_options: { include_usage: true } },
          { signal },
        ),
      ),
    embed: async (request, signal) => {
      // Named here, since the SDK asks for base64 by itself and decodes it, to our callers' surprise.
      const asked = { ...request, encoding_format: request.encoding_format ?? "float", model: name } as const
      const answer = await client.embeddings.create(asked, { signal })
      if (!Array.isArray(answer?.data)) throw noAnswer()
      return { data: answer.data, tokens: tokensOf({ ...answer.usage, completion_tokens: 0 }) }
    },
    probe: async (signal) => {
      if (model.provider === "Azure") {
        const messages = [{ role: "user" as const, content: "ping" }]
        await client.chat.completions.create({ messages, model: name, max_completion_tokens: 1 }, { signal })
        return
      }
      const list = await client.models.list({ signal, timeout: llmLimits.checkMs })
      if (!Array.isArray(list.data)) throw new UpstreamFailure("malformed", "the list of models is none")
      if (model.provider === "OpenAI" && !list.data.some(({ id }) => id === name))
        throw new UpstreamFailure("configuration", `the provider has no model ${name}`)
    },
  }
}
