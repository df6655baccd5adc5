/**
 * The envelope of JSON-RPC 2.0: one call or a batch of them, for the methods `agent.*` and those of the public protocol.
 * Source: https://www.jsonrpc.org/specification
 */
import { formatSSEEvent } from "@a2a-js/sdk"
import { a2aEndpoints } from "../../schemas/index.ts"
import { json } from "../answers.ts"
import { GatewayError } from "../errors.ts"
import { readBodyText } from "../http/body.ts"
import { checkContent, isNestedDeeper } from "../http/json-content.ts"
import { JsonRpcFailure, jsonRpcCodes } from "../json-rpc-failure.ts"
import { rateLimit } from "../rate-limit.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { admittedFor } from "../stream-access.ts"
import {
  callPublicMethod,
  isPublicMethod,
  isStreaming,
  publicErrorOf,
  type RpcCall,
} from "./public-methods.ts"
import { answerSeedMethod, isSeedMethod } from "./seed-methods.ts"
import { isSeedStream, streamSeedMethod } from "./seed-stream.ts"
import { eventStream, streamEvents } from "./sse.ts"

export const batchCallsMax = 50
/** Calls of a batch that run at the same time. */
const batchAtOnce = 8

const { parseError, invalidRequest, methodNotFound, invalidParams, internalError } = jsonRpcCodes

type Id = RpcCall["id"]

const failed = (id: Id, { code, message, data }: JsonRpcFailure) => ({
  jsonrpc: "2.0",
  id: id ?? null,
  error: { code, message, ...(data === undefined ? {} : { data }) },
})

const invalid = (reason: string) => new JsonRpcFailure(invalidRequest, "Invalid Request", { details: reason })

/**
 * The public protocol has no notifications: a call without an id was forgotten to be given one, and whoever made it is at
 * least told that it failed. In a batch nothing is said of it.
 */
const untold = (answer: unknown): unknown =>
  typeof answer === "object" && answer !== null && "error" in answer ? answer : undefined

const notFound = () => new JsonRpcFailure(methodNotFound, "Method not found")
const isMethod = (method: string): boolean => isPublicMethod(method) || isSeedMethod(method)

const isId = (id: unknown): id is Id =>
  id === undefined ||
  id === null ||
  typeof id === "string" ||
  (typeof id === "number" && Number.isInteger(id))

/** Throws for what is no request. */
const callOf = (value: unknown): RpcCall => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid("a request is an object")
  const { jsonrpc, method, params, id } = value as Readonly<Record<string, unknown>>
  if (jsonrpc !== "2.0") throw invalid('jsonrpc has to be "2.0"')
  if (typeof method !== "string" || method === "") throw invalid("method has to be a text")
  if (!isId(id)) throw invalid("id has to be a text, a whole number or null")
  if (params !== undefined && (typeof params !== "object" || params === null))
    throw new JsonRpcFailure(invalidParams, "Invalid params", {
      details: "params has to be an object or a list",
    })
  return { method, ...(params === undefined ? {} : { params }), id: "id" in value ? (id ?? null) : undefined }
}

/** What can be said of a request that is none. */
const idIn = (value: unknown): Id => {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : null
  return isId(id) ? (id ?? null) : null
}

/** Nothing of a body is read before it is known to be small enough, and nothing of it is quoted. */
const readJson = async ({ limits }: GatewayServices, { http }: GatewayRequest): Promise<unknown> => {
  const text = await readBodyText(http.env.incoming, limits.bodyBytesMax)
  if (isNestedDeeper(text, limits.bodyDepthMax)) throw new JsonRpcFailure(parseError, "Parse error")
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new JsonRpcFailure(parseError, "Parse error")
  }
  try {
    if (typeof value === "object" && value !== null) checkContent(value, limits.bodyDepthMax)
  } catch (failure) {
    const { message, details } = failure as GatewayError
    throw new JsonRpcFailure(invalidRequest, "Invalid Request", { details: `${message} ${details.reason}` })
  }
  return value
}

interface Address {
  /** Undefined: the default one. */
  readonly agent: string | undefined
}

class Calls {
  readonly #services: GatewayServices
  readonly #request: GatewayRequest
  readonly #agent: string | undefined
  /** Ends what waits for an answer when the client goes. */
  readonly #abort = new AbortController()

  constructor(services: GatewayServices, request: GatewayRequest, { agent }: Address) {
    this.#services = services
    this.#request = request
    this.#agent = agent
    request.http.env.outgoing.once("close", () => this.#abort.abort())
  }

  /** A whole response; undefined for a notification. */
  async #answer(call: RpcCall): Promise<unknown> {
    const { method, params, id } = call
    try {
      if (isSeedMethod(method)) {
        const seedCall = { method, params, id, agent: this.#agent }
        const result = await answerSeedMethod(this.#services, this.#request, seedCall)
        return id === undefined ? undefined : { jsonrpc: "2.0", id, result }
      }
      if (!isPublicMethod(method)) throw notFound()
      if (isStreaming(method)) throw invalid("a stream cannot be part of a batch, nor of a notification")
      const called = await this.#called(call)
      if ("events" in called) return undefined
      return id === undefined ? untold(called.answer) : called.answer
    } catch (failure) {
      if (id === undefined) return undefined
      return failed(
        id,
        failure instanceof JsonRpcFailure ? failure : new JsonRpcFailure(internalError, "Internal error"),
      )
    }
  }

  #called(call: RpcCall) {
    return callPublicMethod(this.#services, this.#request, { agent: this.#agent, abort: this.#abort }, call)
  }

  async #stream(call: RpcCall): Promise<Response> {
    const called = await this.#called(call)
    if (!("events" in called)) return json(this.#request.context, 200, called.answer)
    const { events, version } = called
    const error = (failure: unknown) => ({
      jsonrpc: "2.0",
      id: call.id ?? null,
      error: publicErrorOf(failure, version),
    })
    try {
      // The address that takes every method asks for a login only.
      const admitted = admittedFor(this.#request, "agent:execute")
      return await streamEvents(this.#services, admitted, events, { failed: error, abort: this.#abort })
    } catch (failure) {
      const last = error(failure)
      // 0.3 gives even this as an event.
      return call.method === "tasks/resubscribe" ? this.#event(last) : json(this.#request.context, 200, last)
    }
  }

  #event(value: unknown): Response {
    const headers = { ...responseHeaders(this.#request.context), ...eventStream }
    return new Response(formatSSEEvent(value as never), { headers })
  }

  /** Calls of a batch besides the first: a batch is no way around the limit of calls. */
  async #count(calls: number): Promise<void> {
    for (let counted = 0; counted < calls; counted++)
      await rateLimit(this.#services, a2aEndpoints.call, this.#request)
  }

  /** In the order of the requests. */
  async #all(values: ReadonlyArray<unknown>): Promise<ReadonlyArray<unknown>> {
    const answers: Array<unknown> = []
    let next = 0
    const work = async () => {
      for (let index = next++; index < values.length; index = next++)
        answers[index] = await this.#one(values[index])
    }
    await Promise.all(Array.from({ length: Math.min(batchAtOnce, values.length) }, work))
    return answers.filter((answer) => answer !== undefined)
  }

  async #one(value: unknown): Promise<unknown> {
    try {
      const call = callOf(value)
      const answer = await this.#answer(call)
      return call.id === undefined ? undefined : answer
    } catch (failure) {
      return failed(idIn(value), failure as JsonRpcFailure)
    }
  }

  async answer(value: unknown): Promise<Response> {
    const { context } = this.#request
    const nothing = () => new Response(null, { status: 204, headers: responseHeaders(context) })
    if (Array.isArray(value)) {
      if (value.length === 0) throw invalid("a batch holds at least one request")
      if (value.length > batchCallsMax) throw invalid(`a batch holds at most ${batchCallsMax} requests`)
      await this.#count(value.length - 1)
      const answers = await this.#all(value)
      return answers.length === 0 ? nothing() : json(context, 200, answers)
    }
    const call = callOf(value)
    if (call.id === undefined && !isMethod(call.method)) return json(context, 200, failed(null, notFound()))
    if (call.id !== undefined && isStreaming(call.method)) return this.#stream(call)
    const seedCall = { ...call, params: call.params, id: call.id, agent: this.#agent }
    if (isSeedStream(this.#request, seedCall))
      return streamSeedMethod(this.#services, this.#request, seedCall)
    const answer = await this.#answer(call)
    return answer === undefined ? nothing() : json(context, 200, answer)
  }
}

const wrongContentType = {
  jsonrpc: "2.0",
  id: null,
  error: publicErrorOf(new GatewayError(415, "GTW_BODY_002", "The body has to be JSON."), "1.0"),
}

const isJson = (type: string | undefined): boolean =>
  type === undefined || /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)

/** Errors of the gateway, such as a body that is too large, stay errors of HTTP. */
export const answerRpc = async (
  services: GatewayServices,
  request: GatewayRequest,
  address: Address,
): Promise<Response> => {
  const { headers } = request.http.env.incoming
  if (!isJson(headers["content-type"]) || (headers["content-encoding"] ?? "identity") !== "identity")
    return json(request.context, 200, wrongContentType)
  let value: unknown
  try {
    value = await readJson(services, request)
    return await new Calls(services, request, address).answer(value)
  } catch (failure) {
    if (failure instanceof JsonRpcFailure)
      return json(request.context, 200, failed(value === undefined ? null : idIn(value), failure))
    throw failure
  }
}
