/**
 * Names of tasks and of their contexts' actors, made from whose they are: the same message of the same user makes the same
 * task, and nobody's names meet another's. Changing this makes new tasks of messages that are sent again.
 */
import { createHash } from "node:crypto"
import * as Schema from "effect/Schema"
import { Id } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"

const named = (...parts: ReadonlyArray<string>): string => {
  const hash = createHash("sha256").update(parts.join("\u0000")).digest("hex")
  const variant = ((Number.parseInt(hash[16]!, 16) & 0x3) | 0x8).toString(16)
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `${variant}${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join("-")
}

/** `again`: how many tasks the same message made before, with each of which its sender has gone on. */
export const taskIdOf = ({ user }: Identity, agent: string, messageId: string, again: number): string =>
  named("task", user, agent, messageId, ...(again === 0 ? [] : [String(again)]))

/** Of a task whose message names none. */
export const ownContextOf = (task: string): string => named("context", task)

/**
 * What keeps the tasks of a context, and what agents that remember conversations know it by: such an agent may be one
 * service that several tenants use.
 */
export const conversationOf = ({ tenant, user }: Identity, context: string): string =>
  named("conversation", tenant, user, context)

/** Whether a task may be called so. */
export const isTaskId = Schema.is(Id)
