/** Who an answer is for, with the rights of now: those of the user, and what the credential that asked leaves of them. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { narrowed } from "../../resources/index.ts"
import type { Platform } from "../platform-access.ts"
import { holds } from "./access.ts"
import type { AnswerCaller } from "./framework.ts"
import type { Question } from "./question.ts"

/** Undefined for the platform itself. Errors: `AgentForbidden`; retryable `DirectoryUnavailable`. */
export const answerCallerOf = Effect.fnUntraced(function* (
  platform: Pick<Platform, "access">,
  tenant: string,
  { user, scopes }: Pick<Question, "user" | "scopes">,
): Effect.fn.Return<AnswerCaller | undefined, ActivityFailure> {
  if (user === undefined) return undefined
  const access = yield* platform.access(tenant, user).pipe(
    Effect.mapError(
      () =>
        new ActivityFailure({
          code: "DirectoryUnavailable",
          detail: "the directory did not answer",
          retryable: true,
        }),
    ),
  )
  if (access === undefined || !access.active)
    return yield* new ActivityFailure({
      code: "AgentForbidden",
      detail: `"${user}" may not use agents any more`,
      retryable: false,
    })
  const permissions = narrowed(access.permissions, scopes && new Set(scopes))
  const caller = {
    user,
    userId: access.user_id,
    department: access.department,
    groups: access.groups,
    permissions,
    ownPermissions: new Set(access.permissions),
  }
  return { ...caller, isAdministrator: holds(caller, "agent:admin") }
})
