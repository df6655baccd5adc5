/** What is wrong with a session's or a task's events, as its clients get them, against what was said. A broken promise is one line. */
import { isEnded, type SessionEvent, type SessionMessage, type TaskEvent } from "../../../schemas/index.ts"
import { modelAwayCode, type Run } from "./model.ts"

export type Say = (violation: string) => void

/** A message as its clients saw it. */
export type Said = Pick<SessionMessage, "role" | "content" | "turn">

/** One turn as its clients saw it: who had it one after the other, and what of each one's words stood in the end. */
interface Turn {
  readonly question: string
  readonly spoken: Array<{ agent: string; text: string }>
  readonly ends: Array<{ as: "completed" | "stopped" | "failed"; code: string }>
}

export interface Figures {
  completed: number
  stopped: number
  failed: number
  restarts: number
  transfers: number
  deleted: number
}

export const noFigures = (): Figures => ({
  completed: 0,
  stopped: 0,
  failed: 0,
  restarts: 0,
  transfers: 0,
  deleted: 0,
})

/** Each word was one run's, from its first word to its last, or to where the turn was ended. */
const checkTurn = (
  what: string,
  { question, spoken, ends }: Turn,
  runs: ReadonlyArray<Run>,
  say: Say,
): void => {
  const [end, ...more] = ends
  if (end === undefined || more.length > 0) {
    say(`${what} has ${ends.length} ends`)
    return
  }
  for (const [place, { agent, text }] of spoken.entries()) {
    const own = runs.filter((run) => run.agent === agent && run.question === question)
    const isLast = place === spoken.length - 1
    const isWhole = !isLast || end.as === "completed"
    const wanted = isLast ? (end.as === "completed" ? "said" : undefined) : "handed over"
    const holds = isWhole
      ? own.some((run) => run.ends === wanted && run.text === text)
      : own.some((run) => run.text.startsWith(text)) || text === ""
    if (!holds) say(`${what} (${end.as}): "${text}" of ${agent} is no run of ${JSON.stringify(own)}`)
    if (
      isLast &&
      end.code === modelAwayCode &&
      !own.some((run) => run.ends === "failed" && run.text === text)
    )
      say(`${what}: broke off after less than was said: "${text}"`)
  }
}

const addWorked = (worked: Map<string, number>, agent: string, as: "completed" | "stopped" | "failed") => {
  const what = `${agent} ${as === "completed" ? "answered" : as}`
  worked.set(what, (worked.get(what) ?? 0) + 1)
}

/** Tells the tokens of the turn's last agent from those before; `index` counts over all of them. */
class Spoken {
  readonly all: Turn["spoken"] = []
  private tokens: Array<string> = []
  private begun = 0

  begin(agent: string): void {
    this.all.push({ agent, text: "" })
    this.begun += this.tokens.length
    this.tokens = []
  }

  hear(content: string, index: number): boolean {
    const isNext = index === this.begun + this.tokens.length
    this.tokens.push(content)
    this.all.at(-1)!.text += content
    return isNext
  }

  restart(index: number): boolean {
    this.tokens = []
    this.all.at(-1)!.text = ""
    return index === this.begun
  }

  get agent(): string {
    return this.all.at(-1)!.agent
  }
  get count(): number {
    return this.begun + this.tokens.length
  }
}

export const checkSession = (
  key: string,
  events: ReadonlyArray<SessionEvent>,
  runs: ReadonlyArray<Run>,
  worked: Map<string, number>,
  figures: Figures,
  say: Say,
): ReadonlyArray<Said> => {
  const messages: Array<Said> = []
  let turn: Turn | undefined
  let spoken = new Spoken()
  let number = 0
  for (const event of events) {
    const what = `session ${key} turn ${number} event ${event.n}`
    if (event.turn !== 0 && event.turn !== number && event.type !== "message")
      say(`${what}: of turn ${event.turn}`)
    switch (event.type) {
      case "message":
        number += 1
        if (turn !== undefined) say(`${what}: begins before turn ${number - 1} ended`)
        if (event.turn !== number) say(`${what}: is turn ${event.turn}`)
        spoken = new Spoken()
        turn = { question: event.content, spoken: spoken.all, ends: [] }
        messages.push({ role: "user", content: event.content, turn: number })
        break
      case "stream_start":
        spoken.begin(event.agent_id)
        break
      case "token":
        if (turn === undefined || !spoken.hear(event.content, event.index))
          say(`${what}: token ${event.index}`)
        break
      case "stream_restart":
        figures.restarts += 1
        if (turn === undefined || !spoken.restart(event.index)) say(`${what}: void from ${event.index}`)
        break
      case "agent_transfer":
        if (event.turn === 0) break
        figures.transfers += 1
        addWorked(worked, event.from_agent, "completed")
        if (event.from_agent !== spoken.agent) say(`${what}: handed over by ${event.from_agent}`)
        spoken.begin(event.to_agent)
        break
      default: {
        if (event.turn === 0) {
          figures.deleted += 1
          break
        }
        if (turn === undefined) {
          say(`${what}: a second end`)
          break
        }
        const as = event.type === "error" ? "failed" : event.stopped === true ? "stopped" : "completed"
        figures[as] += 1
        turn.ends.push({ as, code: event.type === "error" ? event.code : "" })
        addWorked(worked, spoken.agent, as)
        if (event.type === "stream_end" && event.total_tokens !== spoken.count)
          say(`${what}: ${event.total_tokens} tokens, seen ${spoken.count}`)
        checkTurn(what, turn, runs, say)
        messages.push({
          role: "assistant",
          content: spoken.all.map(({ text }) => text).join(""),
          turn: number,
        })
        turn = undefined
      }
    }
  }
  if (turn !== undefined) say(`session ${key}: turn ${number} did not end`)
  return messages
}

const legal: Record<string, ReadonlyArray<string>> = {
  "": ["submitted"],
  submitted: ["working"],
  working: ["completed", "failed", "rejected", "canceled", "input-required"],
  "input-required": ["working", "canceled", "failed"],
}

export const checkTask = (
  key: string,
  events: ReadonlyArray<TaskEvent>,
  { question, agent }: { readonly question: string; readonly agent: string },
  runs: ReadonlyArray<Run>,
  worked: Map<string, number>,
  say: Say,
): void => {
  let status = ""
  const spoken = new Spoken()
  spoken.begin(agent)
  for (const event of events) {
    const what = `task ${key} event ${event.n}`
    if (event.type === "token" && !spoken.hear(event.content, event.index))
      say(`${what}: token ${event.index}`)
    if (event.type === "restart" && !spoken.restart(event.index)) say(`${what}: void from ${event.index}`)
    if (event.type === "transfer") {
      addWorked(worked, event.from, "completed")
      spoken.begin(event.to)
    }
    if (event.type !== "status") continue
    if (!(legal[status] ?? []).includes(event.status)) say(`${what}: ${event.status} after ${status}`)
    status = event.status
    if (!isEnded(status as "completed")) continue
    const as = status === "completed" ? "completed" : status === "canceled" ? "stopped" : "failed"
    addWorked(worked, spoken.agent, as)
    checkTurn(what, { question, spoken: spoken.all, ends: [{ as, code: event.code ?? "" }] }, runs, say)
  }
  if (!isEnded(status as "completed")) say(`task ${key}: is ${status} in the end`)
}
