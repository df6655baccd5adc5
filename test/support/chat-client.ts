/** Conversations over HTTP as tests of a whole node use them. */
import type { TestNode } from "./node.ts"
import { type Frame, readEvents } from "./session-client.ts"

export interface Listed {
  readonly sessions: ReadonlyArray<{
    readonly session_id: string
    readonly title: string
    readonly agent_id: string
    readonly turns: number
    readonly messages: number
  }>
  readonly total: number
}
export interface History {
  readonly messages: ReadonlyArray<{
    readonly number: number
    readonly turn: number
    readonly role: string
    readonly content: string
    readonly [field: string]: unknown
  }>
  readonly total: number
  readonly next_before?: number
  readonly last_event: number
}

export const of = (session: string) => `/api/chat/sessions/${session}`

export const until = async <A>(look: () => Promise<A>, holds: (found: A) => boolean): Promise<A> => {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look()
    if (holds(found)) return found
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`does not hold: ${holds}`)
}
export const textOf = (frames: ReadonlyArray<Frame>) =>
  frames.flatMap(({ type, content }) => (type === "token" ? [content] : [])).join("")

/** `node`: the one that runs now. */
export const chatClient = (node: () => TestNode) => {
  const call = async <Body>(method: string, path: string, body?: unknown, token?: string) => {
    const response = await node().request(method, path, {
      ...(body === undefined ? {} : { body }),
      ...(token === undefined ? {} : { token }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (text.startsWith("{") ? JSON.parse(text) : undefined) as Body,
    }
  }
  const failureOf = async (method: string, path: string, body?: unknown, token?: string) => {
    const answer = await call<{ error: { code: string } }>(method, path, body, token)
    return [answer.status, answer.body.error.code]
  }
  const say = (session: string, content: string, more: object = {}) =>
    node().request("POST", `${of(session)}/messages/`, { body: { role: "user", content, ...more } })
  const answered = async (session: string, content: string) => readEvents(await say(session, content))
  /** A turn that is over at once. */
  const cutShort = async (session: string, content: string) => {
    await readEvents(await say(session, content), () => true)
    await call("POST", `${of(session)}/stop`, {})
  }
  const list = async (query = "", token?: string) =>
    (await call<Listed>("GET", `/api/chat/sessions/${query}`, undefined, token)).body
  const history = async (session: string, query = "") =>
    (await call<History>("GET", `${of(session)}/messages/${query}`)).body
  const indexed = (session: string, turns: number) =>
    until(
      () => list(),
      ({ sessions }) => sessions.some((one) => one.session_id === session && one.turns === turns),
    )
  return { call, failureOf, say, answered, cutShort, list, history, indexed }
}
