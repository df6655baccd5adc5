/**
 * A provider of language models with a script: it answers as many tokens as the question asks for, at an even rate, and
 * each token is the time at which it was sent. It listens on several ports, since a node opens 256 connections to one
 * host at most. Prints its ports.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

interface Answering {
  readonly response: ServerResponse
  left: number
  readonly everyMs: number
  due: number
}

const now = () => performance.timeOrigin + performance.now()
const chunk = (choice: object, more: object = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "stub", choices: [{ index: 0, finish_reason: null, ...choice }], ...more })}\n\n`
/** The same number of characters for each, as JSON carries it. */
const token = () => chunk({ delta: { content: `${now().toFixed(3)} ` } })
const ending = `${chunk({ delta: {}, finish_reason: "stop" })}data: [DONE]\n\n`

const answering = new Set<Answering>()
const end = (one: Answering) => {
  answering.delete(one)
  one.response.end(ending)
}
/** One timer for all: thousands of them would measure the stub. */
setInterval(() => {
  const at = performance.now()
  for (const one of answering) {
    let text = ""
    while (one.left > 0 && one.due <= at) {
      text += token()
      one.left -= 1
      one.due += one.everyMs
    }
    if (text !== "") one.response.write(text)
    if (one.left === 0) end(one)
  }
}, 5)

/** `{"tokens": 100, "everyMs": 250}`; without a pace as fast as it is taken. */
const answer = (question: string, response: ServerResponse) => {
  const { tokens, everyMs } = JSON.parse(question) as { readonly tokens: number; readonly everyMs: number }
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.socket?.setNoDelay(true)
  const one: Answering = { response, left: tokens - 1, everyMs, due: performance.now() + everyMs }
  response.write(token())
  if (one.left === 0) return end(one)
  answering.add(one)
  response.once("close", () => answering.delete(one))
}

const listen = () =>
  new Promise<number>((resolve) => {
    const server = createServer((request, response) => {
      let text = ""
      request.setEncoding("utf8")
      request.on("data", (piece) => {
        text += piece
      })
      request.on("end", () => {
        if (request.method !== "POST") return response.end('{"data":[]}')
        const { messages } = JSON.parse(text) as {
          readonly messages: ReadonlyArray<{ readonly content: string }>
        }
        answer(messages.at(-1)!.content, response)
      })
    })
    server.listen(0, "127.0.0.1", 4_096, () => resolve((server.address() as AddressInfo).port))
  })

const ports = await Promise.all(Array.from({ length: Number(process.argv[2]) }, listen))
console.log(JSON.stringify(ports))
