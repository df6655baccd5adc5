/** What a framework has to give: how an agent of it answers, and how it is found out whether it is there. */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ActivityFailure, EngineShape } from "../../engine/index.ts"
import type { AgentHealth, AgentView, AnswerBlock, HandoverTerms, TokenUsage } from "../../schemas/index.ts"
import type { Platform } from "../platform-access.ts"
import type { AgentCaller } from "./access.ts"
import type { Question } from "./question.ts"

/** Everything an answer may need. Whoever asks was checked before. */
export interface AnswerCall {
  readonly tenant: string
  readonly view: AgentView
  readonly question: Question
  /** Absent for what the platform asks by itself. */
  readonly caller: AnswerCaller | undefined
  readonly engine: EngineShape
  readonly platform: Platform
  /** Stable over attempts and crashes. */
  readonly key: string
  readonly traceId: string
  /**
   * The next piece of the answer; an empty one only shows that the agent is at work. Order: as called. Waits only when
   * clients are far behind. Repeating after a crash what was said before is right: it is told from what is new.
   */
  readonly say: (text: string) => Effect.Effect<void, ActivityFailure>
  /** Whether what is said now was said before the crash: no need to take one's time. */
  readonly isRepeating: () => boolean
}

export interface AnswerCaller extends AgentCaller {
  readonly userId: string
  /** The user's own, by which the agent calls its model: whoever may talk to it need not be let call models as well. */
  readonly ownPermissions: ReadonlySet<string>
}

/** How an answer ends after all that was said. */
export type Outcome =
  | {
      readonly _tag: "Said"
      readonly blocks?: ReadonlyArray<AnswerBlock>
      readonly plan?: string
      readonly usage?: TokenUsage
      readonly awaitsInput?: boolean
    }
  | ({ readonly _tag: "HandOver"; readonly toAgent: string; readonly usage?: TokenUsage } & HandoverTerms)

export interface AgentFramework {
  readonly answer: (call: AnswerCall) => Effect.Effect<Outcome, ActivityFailure>
  /** Never fails: what it finds is the answer. `consecutiveFailures` and `checkedAt` are the agent's to say. */
  readonly check: (
    view: AgentView,
    platform: Platform,
    credential: Redacted.Redacted | undefined,
  ) => Effect.Effect<AgentHealth>
}
