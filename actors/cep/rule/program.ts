/** A rule that was checked and made ready to run: everything that can be decided once is decided here. */
import type { Action, AlertPolicy, RuleDocument, Severity } from "../../../schemas/index.ts"
import type { Condition } from "../expression/expression.ts"
import type { Insert, Template } from "../expression/template.ts"
import type { PatternPlan } from "../patterns/pattern.ts"
import type { AggregatesPlan } from "../windows/aggregates.ts"

/** A kind of items that a rule looks at: the predicate index finds rules by it. */
export interface ProgramInput {
  readonly isEvent: boolean
  readonly name: string
  readonly where: Readonly<Record<string, string>>
  /** Of an aggregate or a stage that names its own input; else it is the trigger's. */
  readonly isTrigger: boolean
  /** Of events: the attribute that aggregates take. */
  readonly field?: string
}

/** An action whose text holds expressions. */
export interface ActionText {
  readonly fill: (text: string) => Action
  readonly template: Template
  /** How values are put into it; as they are when absent. */
  readonly insert?: Insert
}

export interface Program {
  readonly rule: string
  readonly version: number
  readonly document: RuleDocument
  readonly mode: "alert" | "trigger"
  readonly inputs: ReadonlyArray<ProgramInput>
  readonly groupBy: ReadonlyArray<string>
  readonly filter?: Condition
  readonly aggregates: AggregatesPlan
  readonly pattern?: PatternPlan
  /** Absent: always true. */
  readonly condition?: Condition
  readonly clear?: Condition
  readonly levels: ReadonlyArray<{ readonly severity: Severity; readonly condition: Condition }>
  readonly severity: Severity
  readonly forMs: number
  readonly keepFiringMs: number
  readonly cooldownMs: number
  readonly missing?: { readonly afterMs: number; readonly state: "no_data" | "firing" | "resolved" | "keep" }
  readonly onError: "error" | "keep" | "firing"
  readonly outOfOrdernessMs: number
  readonly publishLate: boolean
  readonly annotations: Readonly<Record<string, Template>>
  readonly published: ReadonlyArray<{
    readonly event: string
    readonly on: ReadonlyArray<string>
    readonly attributes: Readonly<Record<string, Template>>
  }>
  /** Its annotations are empty and the texts of its actions as they were written: `fillPolicy` fills them in. */
  readonly policy: AlertPolicy
  /** Of the policy's actions, in their order: the text that is filled in for each alert. */
  readonly actionTexts: ReadonlyArray<ActionText | undefined>
  /** How far back its state depends on its input; from there a stream is replayed when it starts. */
  readonly reachMs: number
}
