/** Where and how a receiver wants to be told of a task's changes, sealed for the task and the configuration's id. */
import * as Schema from "effect/Schema"
import type { SecretsService } from "../../resources/index.ts"
import type { TaskPush } from "../../schemas/index.ts"

export const Receiver = Schema.Struct({
  url: Schema.String,
  /** Sent back in `X-A2A-Notification-Token`. */
  token: Schema.optionalKey(Schema.String),
  /** Sent as `Authorization`. */
  scheme: Schema.optionalKey(Schema.String),
  credentials: Schema.optionalKey(Schema.String),
})
export type Receiver = typeof Receiver.Type

const placeOf = (tenant: string, task: string, id: string): string => `task-push/${tenant}/${task}/${id}`

export const sealReceiver = (
  secrets: SecretsService,
  at: { readonly tenant: string; readonly task: string },
  push: { readonly id: string; readonly version: TaskPush["version"]; readonly receiver: Receiver },
): TaskPush => {
  const { id, version, receiver } = push
  return {
    id,
    version,
    sealed: secrets.seal(JSON.stringify(receiver), placeOf(at.tenant, at.task, id)),
  }
}

/** Throws `SecretUnreadable`. */
export const openReceiver = (
  secrets: SecretsService,
  { tenant, task }: { readonly tenant: string; readonly task: string },
  { id, sealed }: TaskPush,
): Receiver => Schema.decodeUnknownSync(Receiver)(JSON.parse(secrets.open(sealed, placeOf(tenant, task, id))))
