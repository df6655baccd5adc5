/**
 * One message of the Model Context Protocol, answered by a server that lives as long as the message: who calls is known
 * by the request, so that any node takes any message. The protocol's own package does what the protocol says.
 * Source: https://modelcontextprotocol.io/specification/2025-11-25
 */
import { randomUUID } from "node:crypto"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import type { RoutePermission } from "../../schemas/index.ts"
import type { JsonObject } from "../http/body.ts"
import { productVersion } from "../product-version.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { admittedFor, openStream } from "../stream-access.ts"
import { callIdOf, sessionHeader } from "./call-id.ts"
import { answerMethod } from "./methods.ts"
import { permissionOf } from "./tools.ts"

const instructions = [
  "Each agent that you may use is a tool `ask_<agent>`; `recommend_agents` finds one for a task.",
  "`ops_question` answers questions about infrastructure.",
].join(" ")

/** Clients are never asked to fill in forms. */
const jsonSchemaValidator = {
  getValidator: () => {
    throw new Error("this server asks clients for no input")
  },
}

const serverOf = (services: GatewayServices, request: GatewayRequest): Server => {
  const server = new Server(
    { name: "millrace", title: "Millrace", version: productVersion() },
    { capabilities: { tools: {} }, instructions, jsonSchemaValidator },
  )
  server.fallbackRequestHandler = (asked, { requestId, sendNotification }) => {
    const { method, params } = asked
    const progressToken = params?._meta?.progressToken
    let progress = 0
    const tell = (message: string) =>
      sendNotification({
        method: "notifications/progress",
        params: { progressToken: progressToken!, progress: ++progress, message },
      })
    return answerMethod(services, request, {
      method,
      params,
      id: callIdOf(request, requestId),
      progress: progressToken === undefined ? undefined : tell,
    })
  }
  return server
}

const webRequestOf = ({ http, context }: GatewayRequest): Request => {
  const headers = new Headers()
  for (const name of ["accept", "content-type", "mcp-protocol-version"]) {
    const value = context.headers[name]
    if (typeof value === "string") headers.set(name, value)
  }
  return new Request(http.req.url, { method: "POST", headers })
}

const wantsProgress = ({ params }: JsonObject): boolean =>
  (params as { _meta?: { progressToken?: unknown } } | undefined)?._meta?.progressToken !== undefined

/** What a stream for this message takes for as long as it is open. */
const rightOf = ({ method, params }: JsonObject): RoutePermission =>
  method === "tools/call" ? permissionOf(String((params as JsonObject | undefined)?.name)) : "login"

/** The answer as the protocol has it, with the headers that all answers have. */
const answered = (request: GatewayRequest, { method }: JsonObject, answer: Response): Response => {
  const headers = new Headers(responseHeaders(request.context))
  for (const [name, value] of answer.headers) headers.set(name, value)
  if (method === "initialize" && answer.status === 200) headers.set(sessionHeader, randomUUID())
  return new Response(answer.body, { status: answer.status, headers })
}

const eventStream = "text/event-stream"

/** A stream is over with the answer that it is for, whether or not anybody still reads it. */
const closeAfterAnswer = (transport: WebStandardStreamableHTTPServerTransport, server: Server): void => {
  const send = transport.send.bind(transport)
  transport.send = async (message, options) => {
    await send(message, options)
    if (!("method" in message)) await server.close()
  }
}

/** `message` is JSON-RPC already. */
export const answerMessage = async (
  services: GatewayServices,
  request: GatewayRequest,
  message: JsonObject,
): Promise<Response> => {
  const server = serverOf(services, request)
  const streams = wantsProgress(message)
  const transport = new WebStandardStreamableHTTPServerTransport({
    enableJsonResponse: !streams,
    keepAliveMs: services.limits.pingEveryMs,
  })
  request.interruption ??= new AbortController()
  const { interruption } = request
  const end = () => {
    interruption.abort()
    void server.close()
  }
  if (streams)
    server.onclose = openStream(services, admittedFor(request, rightOf(message)), { stop: end, refuse: end })
  closeAfterAnswer(transport, server)
  await server.connect(transport)
  const answer = await transport.handleRequest(webRequestOf(request), { parsedBody: message })
  if (answer.headers.get("content-type") !== eventStream) await server.close()
  return answered(request, message, answer)
}
