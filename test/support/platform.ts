/** A platform for suites without a database: everybody may everything, agents are kept in memory, nothing goes out. */
import * as Effect from "effect/Effect"
import type { Platform } from "../../actors/index.ts"
import { refuse } from "../../resources/index.ts"
import type { AgentView } from "../../schemas/index.ts"
import { makeMemoryAlertIndex } from "./alert-index.ts"
import { makeMemoryChatIndex } from "./chat-index.ts"

const refused = refuse("unavailable", "TEST_001", "not in this suite")

export const scriptedPlatform = (): Platform & { readonly views: Map<string, AgentView> } => {
  const views = new Map<string, AgentView>()
  const fail = () => Effect.fail(refused)
  return {
    views,
    checkModels: () => Effect.succeed({ checked: 0, unhealthy: 0 }),
    access: (_, username) =>
      Effect.succeed({
        user_id: username,
        username,
        active: true,
        department: undefined,
        groups: [],
        roles: [],
        permissions: ["*"],
      }),
    agents: {
      put: (tenant, { view }) => Effect.sync(() => void views.set(`${tenant}/${view.agent}`, view)),
      find: (tenant, agent) => Effect.sync(() => views.get(`${tenant}/${agent}`)),
      list: () => Effect.sync(() => ({ rows: [...views.values()], total: views.size })),
      credential: () => Effect.succeed(undefined),
      hasCredential: () => Effect.succeed(false),
      setCredential: fail,
    },
    tasks: {
      put: () => Effect.void,
      list: () => Effect.succeed({ rows: [], total: 0 }),
      unsettled: () => Effect.succeed([]),
    },
    alerts: makeMemoryAlertIndex(),
    chats: makeMemoryChatIndex(),
    rules: {
      put: () => Effect.void,
      list: () => Effect.succeed({ rows: [], total: 0 }),
      page: () => Effect.succeed([]),
      count: () => Effect.succeed(0),
      flows: () => Effect.succeed([]),
    },
    lanes: {
      appendSamples: () => Effect.void,
      appendEvents: () => Effect.void,
      changeRule: () => Effect.succeed({ lane: 0, sequence: 1 }),
      report: () => Effect.succeed(undefined),
    },
    channels: {
      list: () => Effect.succeed([]),
      find: () => Effect.succeed(undefined),
      open: () => Effect.succeed(undefined),
      put: fail,
      remove: fail,
      keep: () => Effect.void,
      deliveries: () => Effect.succeed({ rows: [], total: 0 }),
    },
    mail: { isConfigured: false, send: () => Effect.die("nothing goes out of this suite") },
    publicUrl: undefined,
    recommendations: {
      recommend: fail,
      keep: () => Effect.void,
      stale: () => Effect.succeed(0),
      keepAll: () => Effect.succeed(0),
    },
    llm: { complete: fail, stream: fail, embed: fail },
    models: { list: () => Effect.succeed({ models: [], total: 0 }) },
    defaultModel: () => Effect.succeed(""),
    egress: {
      fetch: () => Promise.reject(new Error("nothing goes out of this suite")),
      limited: () => () => Promise.reject(new Error("nothing goes out of this suite")),
      addresses: () => Promise.reject(new Error("nothing goes out of this suite")),
    },
    secrets: { seal: (plain) => plain, open: (sealed) => sealed, isCurrent: () => true, keyIds: [] },
  }
}
