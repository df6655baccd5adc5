/**
 * Every setting that people change while the platform runs: what it may be, what it is by default, and what it does. Each
 * is read somewhere; what nobody reads has no place here. Names are part of the API, and of stored rows.
 */
import * as Schema from "effect/Schema"
import { alertsKeptMax, llmWireLimits } from "../../schemas/index.ts"

export interface Definition<A extends number | string | boolean> {
  readonly schema: Schema.Codec<A>
  readonly byDefault: A
  /** One sentence, with the unit. */
  readonly description: string
  /** What a person is told who sends something else. */
  readonly expected: string
}

const whole = (
  minimum: number,
  maximum: number,
  byDefault: number,
  description: string,
): Definition<number> => ({
  schema: Schema.Int.check(Schema.isBetween({ minimum, maximum })),
  byDefault,
  description,
  expected: `a whole number from ${minimum} to ${maximum}`,
})

const modelName = (description: string): Definition<string> => ({
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  schema: Schema.String.check(Schema.isMaxLength(256), Schema.isPattern(/^[^\u0000-\u001f\u007f\p{Cs}]*$/u)),
  byDefault: "",
  description,
  expected: "the name or the id of a registered model, or an empty text",
})

const channelList = (description: string): Definition<string> => ({
  schema: Schema.String.check(Schema.isMaxLength(1_000), Schema.isPattern(/^[A-Za-z0-9._, -]*$/u)),
  byDefault: "",
  description,
  expected: "ids of channels with commas in between, or an empty text",
})

export const definitions = {
  agents: {
    default_model: modelName(
      "The language model of agents that name none; empty: the first active one by name that whoever asks may call.",
    ),
    embedding_model: modelName(
      "The registered model that recommendations compare questions and agents by; empty: the offline one, which compares words. After a change all agents are embedded anew.",
    ),
  },
  alerts: {
    foreign_channels: channelList(
      "The notification channels that alerts of Alertmanager and Prometheus are told to, with commas in between, when a request names none.",
    ),
    history_days: whole(
      1,
      3_660,
      90,
      "How long the history of alerts is kept, and alerts that are over, in days.",
    ),
    listed: whole(1, alertsKeptMax, alertsKeptMax, "Alerts that a list shows when no number is asked for."),
  },
  audit: {
    page_entries: whole(1, 100, 50, "Entries of the audit log on a page when no number is asked for."),
  },
  llm: {
    call_time_out_seconds: whole(
      llmWireLimits.timeOutMsMin / 1_000,
      llmWireLimits.timeOutMsMax / 1_000,
      60,
      "How long a call to a model may take that is registered without a time-out of its own, in seconds.",
    ),
    usage_retention_days: whole(
      93,
      3_660,
      400,
      "How long single model calls are kept in the ledger, in days; a month goes as a whole. Sums by day and month stay.",
    ),
  },
  login: {
    refresh_days: whole(
      1,
      30,
      7,
      "How long somebody stays logged in who does not come back, in days; after 30 days everybody logs in anew.",
    ),
  },
  ops: {
    answer_seconds: whole(5, 60, 60, "How long a question waits for its answer, in seconds."),
  },
  statistics: {
    retention_days: whole(31, 3_660, 800, "How long daily figures are kept, in days."),
    range_days_max: whole(
      1,
      366,
      366,
      "The longest range that one question for statistics may cover, in days.",
    ),
  },
} as const

type Definitions = typeof definitions

/** Such as `ops.answer_seconds`. */
export type SettingKey = {
  [C in keyof Definitions & string]: `${C}.${keyof Definitions[C] & string}`
}[keyof Definitions & string]

type Of<K extends SettingKey> = K extends `${infer C extends keyof Definitions & string}.${infer N}`
  ? N extends keyof Definitions[C]
    ? Definitions[C][N]
    : never
  : never

export type SettingValue<K extends SettingKey> = Of<K> extends Definition<infer A> ? A : never

type AnyDefinition = Definition<number | string | boolean>

/** With the types forgotten: by category and name. */
export const allDefinitions = definitions as unknown as Readonly<
  Record<string, Readonly<Record<string, AnyDefinition>>>
>

export const definitionOf = (category: string, name: string): AnyDefinition | undefined =>
  Object.hasOwn(allDefinitions, category) && Object.hasOwn(allDefinitions[category]!, name)
    ? allDefinitions[category]![name]
    : undefined
