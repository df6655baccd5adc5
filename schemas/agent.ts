/** What an agent is told and asked: by sessions, by callers with a task, and by rules with an alert. */
import * as Schema from "effect/Schema"
import { Alert } from "./cep-rule.ts"
import { ChatMessage, MessageContent } from "./chat-session.ts"
import { AnswerBlock } from "./ops-plan.ts"
import { command, protocol } from "./protocol.ts"
import { countOf, Id, Time, textOf } from "./text.ts"

/** Messages of the conversation that come along with a question. */
export const historyMessagesMax = 20
export const historyCharactersMax = 24_000
export const alertsKeptMax = 50

export const Skill = Schema.Struct({
  id: Id,
  name: textOf(100),
  description: textOf(1_000),
  tags: Schema.optionalKey(Schema.Array(textOf(64)).check(Schema.isMaxLength(20))),
})
export type Skill = typeof Skill.Type

/** Only `builtin` answers for now; the others can be registered and say so when they are asked. */
export const Framework = Schema.Literals(["builtin", "agno", "adk", "langchain", "custom", "a2a", "openai"])
/** Which built-in behaviour answers. */
export const Behaviour = Schema.Literals(["guide", "ops"])
export type Behaviour = typeof Behaviour.Type

const descriptor = {
  name: textOf(100).check(Schema.isMinLength(1)),
  framework: Framework,
  description: textOf(2_000),
  skills: Schema.Array(Skill).check(Schema.isMaxLength(50)),
  behaviour: Schema.optionalKey(Behaviour),
  endpoint: Schema.optionalKey(textOf(2_000)),
}
export const AgentDescriptor = Schema.Struct(descriptor)
export type AgentDescriptor = typeof AgentDescriptor.Type

export const AgentView = Schema.Struct({
  agent: Id,
  ...descriptor,
  registeredAt: Time,
  running: Schema.Int,
  answered: Schema.Int,
  failed: Schema.Int,
})
export type AgentView = typeof AgentView.Type

export const Execution = Schema.Struct({
  /** `handover`: the agent says that `toAgent` is the one to ask. */
  status: Schema.Literals(["success", "failed", "handover"]),
  text: Schema.String,
  blocks: Schema.Array(AnswerBlock),
  plan: Schema.optionalKey(Id),
  toAgent: Schema.optionalKey(Id),
  code: Schema.optionalKey(Schema.String),
  executionTimeMs: Schema.Finite,
  tokens: Schema.Int,
})
export type Execution = typeof Execution.Type

export const AgentProtocol = protocol({
  kind: "agent",
  version: 1,
  commands: {
    /** Creates or replaces; the same again changes nothing. */
    Register: command(descriptor, Schema.Struct({ agent: Id, changed: Schema.Boolean })),
    Describe: command({}, AgentView),
    Status: command(
      {},
      Schema.Struct({ agent: Id, status: Schema.Literals(["ready", "busy"]), running: Schema.Int }),
    ),
    /** From a session, which hears of the answer by `Tokens`, `TurnEnded`, `TurnFailed`, `TransferRequested`. */
    Answer: command({
      session: Id,
      turn: Schema.Int,
      question: MessageContent,
      history: Schema.Array(ChatMessage).check(Schema.isMaxLength(historyMessagesMax)),
    }),
    Cancel: command({ session: Id, turn: Schema.Int }),
    /** Answered when the task is done. */
    Execute: command(
      {
        task: MessageContent,
        context: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
        parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
      },
      Execution,
    ),
    Alert: command({ alert: Alert }),
    /** Newest first. */
    RecentAlerts: command(
      { limit: Schema.optionalKey(countOf(1, alertsKeptMax)) },
      Schema.Struct({ alerts: Schema.Array(Alert) }),
    ),
  },
  rejections: {
    AgentUnknown: {},
    AgentBusy: { limit: Schema.Int },
    FrameworkUnsupported: { framework: Schema.String, remedy: Schema.String },
  },
})
