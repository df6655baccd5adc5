/**
 * How activities reach what stands around the engine: people's rights, the index of agents, language models, the way
 * out. These are over a database that opens while the engine starts: whoever composes a node fills this in afterwards,
 * and an activity that needs it earlier waits.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type {
  Access,
  EgressService,
  LlmModelsService,
  LlmService,
  MailService,
  SecretsService,
} from "../resources/index.ts"
import type { AgentIndexService } from "./agent/index/agent-index.ts"
import type { RecommendationsService } from "./agent/recommend/recommendations.ts"
import type { AlertIndexService } from "./alert-desk/index/alert-index.ts"
import type { LanesService } from "./cep/lane/lanes.ts"
import type { RuleIndexService } from "./cep-rule/index/rule-index.ts"
import type { ChatIndexService } from "./chat-session/index/chat-index.ts"
import type { ChannelsService } from "./notification/index/channels.ts"
import type { TaskIndexService } from "./task/index/task-index.ts"

/** Errors of each are whatever its service fails with; activities turn them into `ActivityFailure`. */
export interface Platform {
  readonly checkModels: LlmModelsService["checkHealth"]
  /** What a user may do now; undefined when there is no such user. */
  readonly access: (tenant: string, username: string) => Effect.Effect<Access | undefined, Error>
  readonly agents: AgentIndexService
  readonly recommendations: RecommendationsService
  readonly alerts: AlertIndexService
  readonly chats: ChatIndexService
  readonly tasks: TaskIndexService
  readonly rules: RuleIndexService
  /** Over which people are told, with what they need for it. */
  readonly channels: ChannelsService
  readonly lanes: LanesService
  readonly llm: LlmService
  readonly models: Pick<LlmModelsService, "list">
  /** Name or id of the model of agents that name none; empty when the tenant has set none. */
  readonly defaultModel: (tenant: string) => Effect.Effect<string, Error>
  readonly egress: EgressService
  readonly mail: MailService
  /** Where people reach the node, if somebody said so. */
  readonly publicUrl: string | undefined
  readonly secrets: SecretsService
}

export class PlatformAccess extends Context.Service<
  PlatformAccess,
  {
    /** Waits until the platform is there. */
    readonly platform: Effect.Effect<Platform>
    /** To be called once. Idempotent: the first one stays. */
    readonly fill: (platform: Platform) => Effect.Effect<void>
  }
>()("millrace/actors/PlatformAccess") {
  static readonly make = Effect.sync(() => {
    const platform = Deferred.makeUnsafe<Platform>()
    return PlatformAccess.of({
      platform: Deferred.await(platform),
      fill: (filled) => Effect.asVoid(Deferred.succeed(platform, filled)),
    })
  })
}
