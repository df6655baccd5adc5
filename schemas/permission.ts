/**
 * The rights that routes ask for and that roles are made of. A name is part of the API: roles in the database hold it.
 * Rights over one object (a model, a session) are kept with the object and checked besides these.
 */
import * as Schema from "effect/Schema"
import { textOf } from "./text.ts"

/** What each right lets its holder do. */
export const permissions = {
  "actor:send": "send any open command to an actor by its address",
  "agent:admin": "use, change and archive every agent",
  "agent:execute": "give an agent a task",
  "agent:read": "see which agents there are",
  "agent:write": "register agents, and change one's own",
  "audit:read": "read and verify the audit log",
  "cep:read": "read rules and alerts",
  "cep:write": "create and change rules",
  "chat:use": "hold conversations",
  "group:read": "read groups and their members",
  "group:write": "create and change groups, their members and roles",
  "llm-model:admin": "register, change and remove language models, and manage the grants of each of them",
  "llm-model:read": "read the models that one was granted",
  "llm-model:use": "call the models that one was granted",
  "lock:use": "take named locks",
  "metric:write": "send metric samples",
  "ops:ask": "ask questions about infrastructure",
  "platform:read": "read figures about the node itself",
  "platform:write": "mend what the nodes hold for all tenants; only in the platform's own tenant",
  "role:read": "read roles",
  "role:write": "create and change roles",
  "setting:read": "read settings",
  "setting:write": "change settings",
  "statistics:read": "read statistics of use",
  "tenant:manage": "create, change and suspend tenants; only in the platform's own tenant",
  "trace:read": "read traces and log lines",
  "trace:write": "report spans and log lines",
  "user:read": "read all users",
  "user:write": "change users, their state, groups and roles",
} as const

export type Permission = keyof typeof permissions

/** Holds every right that there is or will be, but `tenant:manage` outside the platform's own tenant. */
export const everyPermission = "*"

export const scopesMax = 100
/** What a credential is narrowed to, by names of permissions. */
export const Scopes = Schema.Array(textOf(64)).check(Schema.isMaxLength(scopesMax))
/** Of whoever starts an answer: absent for a credential that holds all of its user's rights. */
export const AskedWith = { scopes: Schema.optionalKey(Scopes) }

export const isPermission = (name: string): name is Permission => Object.hasOwn(permissions, name)

/** Roles that every tenant has from its beginning and that nobody can change. */
export const builtinRoles = {
  ADMIN: [everyPermission],
  OPERATOR: [
    "actor:send",
    "agent:execute",
    "agent:read",
    "agent:write",
    "cep:read",
    "cep:write",
    "chat:use",
    "llm-model:read",
    "llm-model:use",
    "lock:use",
    "metric:write",
    "ops:ask",
    "platform:read",
    "statistics:read",
    "trace:read",
    "trace:write",
  ],
  /** What everybody who was provisioned may do. */
  USER: [
    "agent:execute",
    "agent:read",
    "agent:write",
    "cep:read",
    "chat:use",
    "llm-model:read",
    "llm-model:use",
    "ops:ask",
    "trace:read",
    "trace:write",
  ],
  VIEWER: ["agent:read", "cep:read", "llm-model:read", "statistics:read", "trace:read"],
} as const satisfies Record<string, ReadonlyArray<Permission | typeof everyPermission>>

export type BuiltinRole = keyof typeof builtinRoles
