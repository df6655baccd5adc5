/** What an agent is, and what it is told and asked: by people, by callers with a task, and by rules with an alert. */
import * as Schema from "effect/Schema"
import { TokenUsage } from "./answer.ts"
import { Alert } from "./cep-rule.ts"
import { MessageContent } from "./chat-session.ts"
import { AnswerBlock } from "./ops-plan.ts"
import { AskedWith } from "./permission.ts"
import { command, protocol } from "./protocol.ts"
import { countOf, Id, nameOf, storableTextOf, Time, textOf } from "./text.ts"

export const alertsKeptMax = 50
export const agentListsMax = 50

const names = Schema.Array(nameOf(200)).check(Schema.isMaxLength(agentListsMax))

export const Skill = Schema.Struct({
  id: Id,
  name: storableTextOf(100),
  description: storableTextOf(1_000),
  tags: Schema.optionalKey(Schema.Array(storableTextOf(64)).check(Schema.isMaxLength(20))),
  examples: Schema.optionalKey(Schema.Array(storableTextOf(500)).check(Schema.isMaxLength(20))),
})
export type Skill = typeof Skill.Type

/** What speaks to the agent: its own code here (`builtin`, `llm`) or an adapter for what runs elsewhere. */
export const Framework = Schema.Literals([
  "builtin",
  "llm",
  "agno",
  "adk",
  "langchain",
  "custom",
  "a2a",
  "openai",
])
export type Framework = typeof Framework.Type
/** Which built-in behaviour answers. */
export const Behaviour = Schema.Literals(["guide", "ops"])
export type Behaviour = typeof Behaviour.Type

export const LifecycleStatus = Schema.Literals(["DEVELOPMENT", "STAGING", "PRODUCTION"])
export type LifecycleStatus = typeof LifecycleStatus.Type
/** Where an agent may go from each status. */
export const lifecycleMoves: Readonly<Record<LifecycleStatus, ReadonlyArray<LifecycleStatus>>> = {
  DEVELOPMENT: ["STAGING"],
  STAGING: ["PRODUCTION", "DEVELOPMENT"],
  PRODUCTION: ["STAGING"],
}

/** Source: seed 0 §7. `private`: its owner; `team`: departments or groups; `user_specific`: named users. The owner always. */
export const AccessLevel = Schema.Literals(["public", "private", "team", "user_specific"])
export type AccessLevel = typeof AccessLevel.Type

/** How an agent that runs elsewhere is spoken to. The credential itself is kept apart, sealed. */
export const Connection = Schema.Struct({
  /** From the question to the answer's end. */
  timeoutMs: Schema.optionalKey(countOf(100, 300_000)),
  /** Further attempts before the first piece of the answer. */
  retriesMax: Schema.optionalKey(countOf(0, 5)),
  /** Header that carries the credential. In `authorization`, the default, one without a scheme gets `Bearer`. */
  credentialHeader: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]{1,64}$/u))),
  /**
   * Of `custom`: what is sent, any JSON. `{{question}}`, `{{session_id}}`, `{{user_id}}`, `{{history}}` and
   * `{{parameters}}` in texts are filled in; a text that is nothing but one of them becomes its value.
   */
  request: Schema.optionalKey(Schema.Unknown),
  /** Of `custom`: where the answer's text is in what comes back, such as `results.0.text`. */
  responsePath: Schema.optionalKey(textOf(200)),
  /** Of `openai`: the model's name there. Of `agno` and `adk`: the command, `chat` by default. */
  target: Schema.optionalKey(textOf(256)),
})
export type Connection = typeof Connection.Type

/**
 * What an agent of the framework `llm` may use; all of them only read. `ops_question`: a question about the machines, as
 * the agent `ops` answers it. `recent_alerts`: what the rules reported. `recommend_agents`: who is good at something.
 * `ask_agent`: another agent's answer to a task.
 */
export const AgentTool = Schema.Literals(["ops_question", "recent_alerts", "recommend_agents", "ask_agent"])
export type AgentTool = typeof AgentTool.Type

/** Of the framework `llm`. */
export const LlmSettings = Schema.Struct({
  /** Name or id of a model that whoever asks may call; absent: the tenant's default, else the offline one. */
  model: Schema.optionalKey(textOf(256)),
  /** System prompt. */
  prompt: Schema.optionalKey(storableTextOf(16_000)),
  tools: Schema.optionalKey(Schema.Array(AgentTool).check(Schema.isMaxLength(20))),
  /** Agents that it may hand the conversation to. */
  transferTo: Schema.optionalKey(Schema.Array(Id).check(Schema.isMaxLength(20))),
  /** Messages of the conversation that it is given. */
  memoryMessages: Schema.optionalKey(countOf(0, 20)),
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  outputTokensMax: Schema.optionalKey(countOf(1, 16_000)),
})
export type LlmSettings = typeof LlmSettings.Type

const descriptor = {
  name: storableTextOf(100).check(Schema.isMinLength(1)),
  framework: Framework,
  description: storableTextOf(2_000),
  skills: Schema.Array(Skill).check(Schema.isMaxLength(50)),
  behaviour: Schema.optionalKey(Behaviour),
  endpoint: Schema.optionalKey(storableTextOf(2_000)),
  examples: Schema.optionalKey(Schema.Array(storableTextOf(500)).check(Schema.isMaxLength(20))),
  languages: Schema.optionalKey(Schema.Array(storableTextOf(35)).check(Schema.isMaxLength(20))),
  /** The agent's own version, as its card shows it. */
  agentVersion: Schema.optionalKey(storableTextOf(64)),
  /** Absent: public. */
  accessLevel: Schema.optionalKey(AccessLevel),
  allowedUsers: Schema.optionalKey(names),
  /** Departments, or ids of groups. */
  allowedTeams: Schema.optionalKey(names),
  /** The owner's name; absent for those that the product ships. */
  owner: Schema.optionalKey(storableTextOf(200)),
  department: Schema.optionalKey(storableTextOf(200)),
  connection: Schema.optionalKey(Connection),
  llm: Schema.optionalKey(LlmSettings),
  /** An answer that a crash cut off and that comes out differently the second time: begun anew, or ended with an error. */
  onInterruption: Schema.optionalKey(Schema.Literals(["restart", "fail"])),
}
export const AgentDescriptor = Schema.Struct(descriptor)
export type AgentDescriptor = typeof AgentDescriptor.Type

export const AgentHealth = Schema.Struct({
  status: Schema.Literals(["healthy", "unhealthy", "unknown"]),
  checkedAt: Schema.optionalKey(Time),
  latencyMs: Schema.optionalKey(Schema.Finite),
  /** Checks that failed one after another until now. */
  consecutiveFailures: Schema.Int,
  /** Why it is unhealthy; never holds a secret. */
  detail: Schema.optionalKey(textOf(500)),
})
export type AgentHealth = typeof AgentHealth.Type

export const AgentView = Schema.Struct({
  agent: Id,
  ...descriptor,
  status: LifecycleStatus,
  archived: Schema.Boolean,
  /** Grows with each change of settings, status or archiving: what If-Match is compared with. Health is no setting. */
  version: Schema.Int,
  /** Grows with everything that lists show. */
  revision: Schema.Int,
  health: AgentHealth,
  registeredAt: Time,
  updatedAt: Time,
  /** Tasks under way. */
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
  usage: Schema.optionalKey(TokenUsage),
})
export type Execution = typeof Execution.Type

/** Who does it, for the audit log. */
const by = Schema.optionalKey(textOf(200))
/** Refused as `AgentVersionConflict` when it is not the current one. */
const expectedVersion = Schema.optionalKey(Schema.Int)

/** What changes an agent is answered once lists show it, with the agent as it is then. */
export const AgentProtocol = protocol({
  kind: "agent",
  version: 2,
  commands: {
    /** Creates or replaces; the same again changes nothing. For what the product ships. */
    Register: command(descriptor, Schema.Struct({ agent: Id, changed: Schema.Boolean })),
    Create: command({ descriptor: AgentDescriptor, by }, AgentView),
    Change: command({ descriptor: AgentDescriptor, by, expectedVersion }, AgentView),
    Move: command({ status: LifecycleStatus, by, expectedVersion }, AgentView),
    /** An archived agent answers nobody and is in no list unless asked for. */
    Archive: command({ archived: Schema.Boolean, by, expectedVersion }, AgentView),
    Describe: command({}, AgentView),
    /** Checks now, and answers when that is done. */
    CheckHealth: command({}, AgentView),
    /** Answered when the task is done. Whose right it is checked by: the principal of the call. */
    Execute: command(
      {
        task: MessageContent,
        context: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
        parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
        ...AskedWith,
      },
      Execution,
    ),
    /** From a conversation: an answer of this agent ended. */
    Worked: command({ as: Schema.Literals(["answered", "failed", "stopped"]) }),
    Alert: command({ alert: Alert }),
    /** Newest first. */
    RecentAlerts: command(
      { limit: Schema.optionalKey(countOf(1, alertsKeptMax)) },
      Schema.Struct({ alerts: Schema.Array(Alert) }),
    ),
  },
  rejections: {
    AgentUnknown: {},
    AgentExists: {},
    AgentArchived: {},
    AgentVersionConflict: { version: Schema.Int },
    AgentMoveRefused: { from: LifecycleStatus, allowed: Schema.Array(LifecycleStatus) },
    AgentBusy: { limit: Schema.Int },
  },
})
