/**
 * Every route as `/openapi.json` describes it, asked in valid and in broken ways as an administrator, as a user and as
 * nobody: no defect, no answer that is not described, no input taken or refused against the description.
 * `FUZZ_RUNS` (per operation) and `FUZZ_SEED` are for longer and other runs.
 */
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { answerCheck } from "../support/fuzz/answer-check.ts"
import type { Draft } from "../support/fuzz/draft.ts"
import { type OpenApi, type Operation, operationsOf, validatorOf } from "../support/fuzz/openapi.ts"
import { planOf } from "../support/fuzz/operation-draft.ts"
import { makeSender, type Sender } from "../support/fuzz/sender.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

const runs = Number(process.env.FUZZ_RUNS ?? 40)
const seed = Number(process.env.FUZZ_SEED ?? 20_261_121)
const atOnce = 6
/** In the later ones there is something to find of what every route makes. */
const rounds = 2
/** For all operations; what was not run by then is left to a longer run. */
const timeMs = (runs / 40) * 50_000

const skipped: ReadonlyArray<{ readonly id: string; readonly reason: string }> = [
  {
    id: "mcp.send",
    reason: "JSON-RPC, which another protocol describes: mcp.test sends it what does not fit",
  },
  {
    id: "chat.connectSocket",
    reason: "a WebSocket: its frames are fuzzed by gateway-streams, its refusals by the routes",
  },
]

/** Whoever ends their own session or takes their own rights goes on as the next one. */
const admins = Array.from({ length: 40 }, (_, index) => `admin-${index}`)

class Caller {
  readonly #node: TestNode
  readonly #names: Iterator<string>
  #token = ""

  constructor(node: TestNode, names: ReadonlyArray<string>) {
    this.#node = node
    this.#names = names.values()
  }

  async token(): Promise<string> {
    if (this.#token === "") this.#token = await this.#next()
    return this.#token
  }

  /** Looks whether the session is still there, now and then. */
  async check(): Promise<void> {
    const response = await this.#node.request("GET", "/api/users/me/api-keys/", { token: await this.token() })
    await response.arrayBuffer()
    if (response.status !== 200) this.#token = await this.#next()
  }

  async #next(): Promise<string> {
    const { value, done } = this.#names.next()
    if (done === true) throw new Error("all callers have lost their rights")
    return this.#node.login(value)
  }
}

let node: TestNode
let document: OpenApi
let sender: Sender
let callers: { readonly admin: Caller; readonly user: Caller }

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: ["developer", ...admins].join() })
  document = (await (await node.request("GET", "/openapi.json")).json()) as OpenApi
  const own = /^(?:default|platform|admin-\d+|user-\d+|developer)$/
  sender = makeSender(node.url, (value) => own.test(value))
  const users = Array.from({ length: 40 }, (_, index) => `user-${index}`)
  callers = { admin: new Caller(node, admins), user: new Caller(node, users) }
})
afterAll(async () => {
  sender.close()
  await node.stop()
})

type Who = "admin" | "user" | "nobody"
const who = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Who>("admin") },
  { weight: 2, arbitrary: fc.constant<Who>("user") },
  { weight: 1, arbitrary: fc.constant<Who>("nobody") },
)

const shown = (draft: Draft): string => {
  const body = draft.text ?? (draft.body === undefined ? "" : JSON.stringify(draft.body))
  const query = draft.query.length === 0 ? "" : `?${draft.query.join("&")}`
  const headers = JSON.stringify(draft.headers)
  return `${draft.method} ${draft.segments.join("/")}${query} ${headers} ${body}`.slice(0, 600)
}

interface Outcome {
  readonly id: string
  /** Each once, with an example. */
  readonly findings: ReadonlyArray<string>
  readonly successes: number
}

const fuzz = async (operation: Operation, round: number): Promise<Outcome> => {
  const validator = validatorOf(document)
  const check = answerCheck(document, validator)
  const findings = new Map<string, string>()
  let successes = 0
  const property = fc.asyncProperty(planOf(document, validator, operation), who, async (plan, as) => {
    const draft = plan(sender)
    const answer = await sender.send(draft, as === "nobody" ? undefined : await callers[as].token())
    if (answer.status < 400) successes += 1
    for (const problem of check(operation, draft, answer))
      if (!findings.has(problem))
        findings.set(
          problem,
          `${shown(draft)}\n      as ${as}: ${answer.status} ${answer.text.slice(0, 400)}`,
        )
  })
  await fc.assert(property, {
    seed: seed + round,
    numRuns: Math.ceil(runs / rounds),
    interruptAfterTimeLimit: timeMs / 5,
  })
  const { id } = operation
  return {
    id,
    successes,
    findings: [...findings].map(([problem, example]) => `${id} ${problem}\n    ${example}`),
  }
}

/** A few at a time, in the order of the description. */
const fuzzAll = async (operations: ReadonlyArray<Operation>): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = []
  const waiting = Array.from({ length: rounds }, (_, round) =>
    operations.map((one) => [one, round] as const),
  ).flat()
  const until = performance.now() + timeMs
  const work = async () => {
    for (
      let next = waiting.shift();
      next !== undefined && performance.now() < until;
      next = waiting.shift()
    ) {
      outcomes.push(await fuzz(...next))
      await Promise.all([callers.admin.check(), callers.user.check()])
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return outcomes
}

describe(`every route, from its description (seed ${seed}, ${runs} runs)`, () => {
  it("answers as it is described to whatever it is asked", { timeout: 2 * timeMs + 60_000 }, async () => {
    const operations = operationsOf(document)
    expect(operations.length).toBeGreaterThan(20)
    const asked = operations.filter(({ id }) => !skipped.some((one) => one.id === id))
    expect(asked.length).toBe(operations.length - skipped.length)
    const outcomes = await fuzzAll(asked)
    const reached = new Set(outcomes.filter(({ successes }) => successes > 0).map(({ id }) => id))
    // Else only logins and refusals were tested.
    expect(reached.size).toBeGreaterThan(asked.length / 2)
    expect(outcomes.flatMap(({ findings }) => findings).join("\n\n")).toBe("")
  })
})
