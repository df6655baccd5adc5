/** A provider of language models that fails in every way on demand, and tells what it was asked and when it was left. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Asked {
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Readonly<Record<string, unknown>>
  /** Resolves when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>
}

export type Behaviour = (asked: Asked, response: ServerResponse) => void

export interface StubModelServer {
  /** Base URL, with `/v1`. */
  readonly url: string
  readonly port: number
  readonly asked: ReadonlyArray<Asked>
  /** What it does from now on: for the next requests one after another, the last one for all that follow. */
  readonly behave: (...behaviours: ReadonlyArray<Behaviour>) => void
  readonly stop: () => Promise<void>
}

const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

/** Any answer in bytes. */
export const raw =
  (text: string, contentType = "application/json", status = 200): Behaviour =>
  (_, response) =>
    response.writeHead(status, { "content-type": contentType }).end(text)

export const fails =
  (status: number, headers: Record<string, string> = {}, error: Record<string, unknown> = {}): Behaviour =>
  (_, response) =>
    json(response, status, { error: { message: `failing with ${status}`, type: "stub", ...error } }, headers)

export const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }

const chunk = (choices: ReadonlyArray<unknown>, more: object = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "stub", choices, ...more })}\n\n`

const tokenChunk = (content: string) => chunk([{ index: 0, delta: { content }, finish_reason: null }])

const begin = (response: ServerResponse) => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.write(chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]))
}

interface Answering {
  readonly withUsage?: boolean
}

/** Streamed or not, as it is asked. */
export const answers =
  (words: ReadonlyArray<string>, { withUsage = true }: Answering = {}): Behaviour =>
  ({ body }, response) => {
    const counted = withUsage ? { usage } : {}
    if (body.stream !== true) {
      const message = { role: "assistant", content: words.join(""), refusal: null }
      const choices = [{ index: 0, message, finish_reason: "stop", logprobs: null }]
      return json(response, 200, {
        id: "c",
        object: "chat.completion",
        created: 1,
        model: "stub",
        choices,
        ...counted,
      })
    }
    begin(response)
    for (const word of words) response.write(tokenChunk(word))
    response.write(chunk([{ index: 0, delta: {}, finish_reason: "stop" }]))
    if (withUsage) response.write(chunk([], counted))
    response.end("data: [DONE]\n\n")
  }

/** The model wants a function called, after some words; streamed. Arguments come in two parts. */
export const callsTool =
  (name: string, given: object, words: ReadonlyArray<string> = []): Behaviour =>
  (_, response) => {
    begin(response)
    for (const word of words) response.write(tokenChunk(word))
    const json = JSON.stringify(given)
    const half = Math.floor(json.length / 2)
    const part = (call: object) =>
      chunk([{ index: 0, delta: { tool_calls: [{ index: 0, ...call }] }, finish_reason: null }])
    response.write(
      part({ id: "call-1", type: "function", function: { name, arguments: json.slice(0, half) } }),
    )
    response.write(part({ function: { arguments: json.slice(half) } }))
    response.write(chunk([{ index: 0, delta: {}, finish_reason: "tool_calls" }]))
    response.write(chunk([], { usage }))
    response.end("data: [DONE]\n\n")
  }

/** The connection dies before a byte of the answer. */
export const resets: Behaviour = (_, response) => response.socket?.resetAndDestroy()

/** Nothing, for ever. */
export const hangs: Behaviour = () => {}

/** Some words, and then `ending`. */
export const breaksAfter =
  (words: ReadonlyArray<string>, ending: "reset" | "silence" | "end" | "garbage" | "error"): Behaviour =>
  (_, response) => {
    begin(response)
    for (const word of words) response.write(tokenChunk(word))
    switch (ending) {
      case "reset":
        // Only after the words have left is the connection torn down.
        return void response.write(": words end\n\n", () => response.socket?.resetAndDestroy())
      case "end":
        return void response.end()
      case "garbage":
        return void response.end('data: {"choices": [{\n\n')
      case "error":
        return void response.end(
          `data: ${JSON.stringify({ error: { message: "overloaded", type: "stub" } })}\n\n`,
        )
      case "silence":
        return
    }
  }

/** Some words, and the others when it is told to go on. */
export const pausesAfter =
  (words: ReadonlyArray<string>, others: ReadonlyArray<string>, goOn: Promise<void>): Behaviour =>
  (_, response) => {
    begin(response)
    for (const word of words) response.write(tokenChunk(word))
    void goOn.then(() => {
      for (const word of others) response.write(tokenChunk(word))
      response.write(chunk([{ index: 0, delta: {}, finish_reason: "stop" }]))
      response.end("data: [DONE]\n\n")
    })
  }

/** A role, and no word after it. */
export const silentAfterRole: Behaviour = (_, response) => begin(response)

const readBody = async (request: IncomingMessage): Promise<Asked["body"]> => {
  let text = ""
  for await (const piece of request) text += piece
  return text === "" ? {} : JSON.parse(text)
}

export const startStubModelServer = async (): Promise<StubModelServer> => {
  const asked: Array<Asked> = []
  let queue: ReadonlyArray<Behaviour> = [answers(["Hello", " world"])]
  const server = createServer(async (request, response) => {
    const closed = new Promise<void>((done) => response.once("close", done))
    const body = await readBody(request)
    const one = { path: request.url ?? "", headers: request.headers, body, closed }
    asked.push(one)
    const behaviour = queue[0]!
    if (queue.length > 1) queue = queue.slice(1)
    behaviour(one, response)
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    asked,
    behave: (...behaviours) => {
      queue = behaviours
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
