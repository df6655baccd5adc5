/** Decodes what comes into a route by its contract; what does not fit names the field and the remedy. */
import type { HttpBindings } from "@hono/node-server"
import * as Schema from "effect/Schema"
import type { Context } from "hono"
import type { AnyEndpoint, Fields, PlainCodec } from "../schemas/index.ts"
import type { GatewayLimits } from "./config.ts"
import { bodyDecoder, readObject } from "./http/body.ts"

type Http = Context<{ readonly Bindings: HttpBindings }>

const decoderOf = (fields: Fields, code: string) => {
  const names = Object.keys(fields)
  const decode = bodyDecoder(Schema.Struct(fields) as unknown as PlainCodec, code)
  return { names, decode }
}

/** Compiled once per route. */
export const endpointDecoder = (endpoint: AnyEndpoint, limits: Pick<GatewayLimits, "bodyBytesMax">) => {
  const params = decoderOf(endpoint.params, "GTW_PATH_001")
  const query = decoderOf(endpoint.query, "GTW_QUERY_001")
  const body = endpoint.body === undefined ? undefined : bodyDecoder(endpoint.body)
  return async (http: Http) => ({
    params: params.names.length === 0 ? {} : params.decode(http.req.param()),
    query: http.req.raw.url.includes("?") || query.names.length > 0 ? query.decode(http.req.query()) : {},
    body: body === undefined ? undefined : body(await readObject(http.env.incoming, limits.bodyBytesMax)),
  })
}
