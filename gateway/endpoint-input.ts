/** Decodes what comes into a route by its contract; what does not fit names the field and the remedy. */
import type { HttpBindings } from "@hono/node-server"
import * as Schema from "effect/Schema"
import type { Context } from "hono"
import type { AnyEndpoint, Fields, PlainCodec } from "../schemas/index.ts"
import type { GatewayLimits } from "./config.ts"
import { GatewayError } from "./errors.ts"
import { bodyDecoder, readObject } from "./http/body.ts"
import { textProblem } from "./http/json-content.ts"
import { readYamlOrJson } from "./http/yaml-body.ts"

type Http = Context<{ readonly Bindings: HttpBindings }>
type Texts = Readonly<Record<string, string>>

const refused = (code: string, field: string, reason: string) =>
  new GatewayError(400, code, `Invalid: ${field}.`, { field, reason, remedy: "correct the named field" })

const checkTexts = (texts: Texts, code: string): void => {
  for (const [field, text] of Object.entries(texts)) {
    const problem = textProblem(text)
    if (problem !== undefined) throw refused(code, field, problem)
  }
}

const decoderOf = (fields: Fields, code: string) => {
  const decode = bodyDecoder(Schema.Struct(fields) as unknown as PlainCodec, code)
  return (texts: Texts) => {
    checkTexts(texts, code)
    return decode(texts)
  }
}

/** Each name once: which of two values counts would depend on who reads them. */
const queryOf = (url: string): Texts => {
  const start = url.indexOf("?")
  if (start < 0) return {}
  const pairs = [...new URLSearchParams(url.slice(start + 1))]
  const names = new Set<string>()
  for (const [name] of pairs) {
    if (names.has(name)) throw refused("GTW_QUERY_001", name, "it is given more than once")
    names.add(name)
  }
  return Object.fromEntries(pairs)
}

/** Queries of one route that are kept decoded, and how long each may be. Readers ask for the same few again and again. */
const keptQueriesMax = 256
const keptQueryCharactersMax = 256

/** Decoding depends on the text only; what it gives is never changed by a handler. */
const queryDecoder = ({ query, media }: AnyEndpoint) => {
  const decode = decoderOf(query, "GTW_QUERY_001")
  // A WebSocket's query carries the credential, which is kept nowhere.
  const charactersMax = media === "websocket" ? -1 : keptQueryCharactersMax
  const kept = new Map<string, unknown>()
  return (url: string): unknown => {
    const start = url.indexOf("?")
    const text = start < 0 ? "" : url.slice(start)
    const known = kept.get(text)
    if (known !== undefined) return known
    const decoded = decode(queryOf(text))
    if (text.length > charactersMax) return decoded
    if (kept.size >= keptQueriesMax) kept.delete(kept.keys().next().value!)
    kept.set(text, decoded)
    return decoded
  }
}

/** Compiled once per route. */
export const endpointDecoder = (
  endpoint: AnyEndpoint,
  limits: Pick<GatewayLimits, "bodyBytesMax" | "bodyDepthMax">,
) => {
  const params = decoderOf(endpoint.params, "GTW_PATH_001")
  const query = queryDecoder(endpoint)
  const body =
    endpoint.body === undefined ? undefined : bodyDecoder(endpoint.body, undefined, endpoint.bodyRemedy)
  const hasParams = Object.keys(endpoint.params).length > 0
  const reader = endpoint.yaml === true ? readYamlOrJson : readObject
  const read = ({ env }: Http) => reader(env.incoming, limits.bodyBytesMax, limits.bodyDepthMax)
  return async (http: Http) => ({
    params: hasParams ? params(http.req.param()) : {},
    query: query(http.env.incoming.url ?? ""),
    body: body === undefined ? undefined : body(await read(http)),
  })
}
