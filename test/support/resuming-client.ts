/**
 * A client that comes back as often as its connection breaks, wherever the session is served by then, and holds what it
 * was shown: every event once, in order, none left out. Anything else is an error.
 */
import { type Frame, openSocket } from "./session-client.ts"

export interface Place {
  readonly url: string
  readonly token: string
}

export interface ResumingClient {
  readonly events: ReadonlyArray<Frame>
  readonly connections: () => number
  /** What is on the screen: the tokens of the newest turn, without those that a restart made void. */
  readonly text: () => string
  /** The first event, past or to come, for which this holds. */
  readonly until: (holds: (event: Frame) => boolean) => Promise<Frame>
  readonly say: (content: string, messageId: string) => void
  readonly close: () => void
}

const againMs = 100
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

export const resumingClient = (place: () => Place, session: string): ResumingClient => {
  const events: Array<Frame> = []
  const waiting = new Set<() => void>()
  let [connections, closed] = [0, false]
  let broken: Error | undefined
  let socket: Awaited<ReturnType<typeof openSocket>> | undefined

  const take = (event: Frame) => {
    if (event.n === undefined) return
    if (event.n !== events.length + 1) broken ??= new Error(`event ${event.n} came after ${events.length}`)
    events.push(event)
    for (const look of waiting) look()
  }
  const follow = async () => {
    const at = place()
    const opened = await openSocket(at, session, `token=${at.token}&after=${events.length}`)
    socket = opened
    connections += 1
    let taken = 0
    const drain = () => {
      while (taken < opened.frames.length) take(opened.frames[taken++]!)
      return false
    }
    await opened.until(drain).catch(() => {})
  }
  const run = async () => {
    while (!closed) {
      await follow().catch(() => {})
      if (!closed) await pause(againMs)
    }
  }
  void run()

  return {
    events,
    connections: () => connections,
    text: () => {
      const turn = events.at(-1)?.turn
      const tokens: Array<string> = []
      for (const event of events) {
        if (event.turn !== turn) continue
        if (event.type === "stream_restart") tokens.length = event.index as number
        if (event.type !== "token") continue
        if (event.index !== tokens.length)
          broken ??= new Error(`token ${event.index} came at ${tokens.length}`)
        tokens.push(event.content!)
      }
      if (broken !== undefined) throw broken
      return tokens.join("")
    },
    until: (holds) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find(holds)
          if (broken !== undefined) reject(broken)
          else if (found !== undefined) resolve(found)
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
    say: (content, messageId) => socket!.send({ type: "message", content, message_id: messageId }),
    close: () => {
      closed = true
      void socket?.close()
    },
  }
}
