/** An agent that runs elsewhere, asked through its framework as an activity would: what is sent, said and given back. */

import type { ServerResponse } from "node:http"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { AnswerCall, Outcome } from "../../../actors/agent/framework.ts"
import { frameworks } from "../../../actors/agent/frameworks/frameworks.ts"
import type { Question } from "../../../actors/agent/question.ts"
import type { Platform } from "../../../actors/index.ts"
import type { ActivityFailure, EngineShape } from "../../../engine/index.ts"
import { Egress, type EgressConfig, type EgressService, parseAllowList } from "../../../resources/index.ts"
import type { AgentHealth, AgentView, Framework } from "../../../schemas/index.ts"
import { scriptedPlatform } from "../../support/platform.ts"

export const credential = "c0rrect-horse-battery"

export interface Asking {
  readonly view?: Partial<AgentView>
  readonly question?: Partial<Question>
  /** `null`: there is none. */
  readonly credential?: string | null
  /** Called with each piece that is said. */
  readonly said?: (text: string) => void
}

export interface Asked {
  readonly pieces: ReadonlyArray<string>
  readonly text: string
  readonly outcome: Outcome | undefined
  readonly failure: ActivityFailure | undefined
  readonly interrupted: boolean
}

export interface RemoteAgents {
  readonly egress: EgressService
  readonly ask: (framework: Framework, endpoint: string, asking?: Asking) => Effect.Effect<Asked>
  readonly check: (framework: Framework, endpoint: string, asking?: Asking) => Effect.Effect<AgentHealth>
  readonly stop: () => Promise<void>
}

const viewOf = (framework: Framework, endpoint: string, view: Partial<AgentView> = {}): AgentView => ({
  agent: "remote",
  name: "Remote",
  framework,
  description: "",
  skills: [],
  endpoint,
  status: "PRODUCTION",
  archived: false,
  version: 1,
  revision: 1,
  health: { status: "unknown", consecutiveFailures: 0 },
  registeredAt: 0,
  updatedAt: 0,
  running: 0,
  answered: 0,
  failed: 0,
  ...view,
})

const questionOf = (question: Partial<Question> = {}): Question => ({
  agent: "remote",
  question: "how are you?",
  conversation: "conversation-1",
  turn: 1,
  history: [],
  user: "ann",
  agents: ["remote"],
  mayHandOver: false,
  plan: "p",
  stream: true,
  ...question,
})

/** Nothing of the engine is used by frameworks whose agents run elsewhere. */
const noEngine = new Proxy({} as EngineShape, {
  get: () => {
    throw new Error("a remote agent's framework asked the engine")
  },
})

/** `allow`: as in EGRESS_ALLOW. */
export const remoteAgents = async (
  config: Omit<EgressConfig, "allow"> & { readonly allow?: string } = {},
): Promise<RemoteAgents> => {
  const scope = Effect.runSync(Scope.make())
  const layer = Egress.layer({ ...config, allow: parseAllowList(config.allow ?? "127.0.0.1") })
  const egress = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), Egress)
  const scripted = scriptedPlatform()
  const platformOf = (secret: string | null): Platform => ({
    ...scripted,
    egress,
    agents: {
      ...scripted.agents,
      credential: () => Effect.succeed(secret === null ? undefined : Redacted.make(secret)),
    },
  })
  return {
    egress,
    ask: (framework, endpoint, asking = {}) =>
      Effect.gen(function* () {
        const pieces: Array<string> = []
        const call: AnswerCall = {
          tenant: "t",
          view: viewOf(framework, endpoint, asking.view),
          question: questionOf(asking.question),
          caller: undefined,
          engine: noEngine,
          platform: platformOf(asking.credential === undefined ? credential : asking.credential),
          key: "activity-key-1",
          traceId: "",
          say: (text) =>
            Effect.sync(() => {
              // It shows that it is at work.
              if (text === "") return
              pieces.push(text)
              asking.said?.(text)
            }),
          isRepeating: () => false,
        }
        const exit = yield* Effect.exit(frameworks[framework].answer(call))
        const failed = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
        if (failed?._tag === "Die") throw failed.defect
        return {
          pieces,
          text: pieces.join(""),
          outcome: Exit.isSuccess(exit) ? exit.value : undefined,
          failure: failed?._tag === "Fail" ? failed.error : undefined,
          interrupted: failed?._tag === "Interrupt",
        }
      }),
    check: (framework, endpoint, asking = {}) => {
      const secret = asking.credential === undefined ? credential : asking.credential
      const view = viewOf(framework, endpoint, asking.view)
      return frameworks[framework].check(
        view,
        platformOf(secret),
        secret === null ? undefined : Redacted.make(secret),
      )
    },
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  }
}

/** Writes server-sent events, each in a piece of its own, and ends. */
export const sendEvents = async (
  response: ServerResponse,
  events: ReadonlyArray<unknown>,
  end: (response: ServerResponse) => void = (one) => void one.end(),
): Promise<void> => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  for (const event of events) {
    const data = typeof event === "string" ? event : JSON.stringify(event)
    await new Promise<void>((done) => void response.write(`data: ${data}\n\n`, () => done()))
    await new Promise((next) => setImmediate(next))
  }
  end(response)
}
