/**
 * Who may see, call and hand over to an agent: the one function that decides it, and the only place where an access level
 * means something. `accessCondition` says the same in SQL; a test holds the two together. Source: seed 0 §7.
 */
import { type AgentView, everyPermission, type Permission } from "../../schemas/index.ts"

export type AccessRule = Pick<
  AgentView,
  "accessLevel" | "allowedUsers" | "allowedTeams" | "owner" | "behaviour"
>

/** Whoever asks. Rights and memberships come from the directory, never from the request. */
export interface AgentCaller {
  readonly user: string
  readonly department: string | undefined
  /** Ids. */
  readonly groups: Iterable<string>
  /** The user's own, as far as the credential that asks leaves them. */
  readonly permissions: ReadonlySet<string>
  /** May use and change every agent of the tenant. */
  readonly isAdministrator: boolean
}

export const holds = ({ permissions }: Pick<AgentCaller, "permissions">, permission: Permission): boolean =>
  permissions.has(permission) || permissions.has(everyPermission)

/** What the agent does for everybody who may ask it, and the caller may not: an agent is no way around a right. */
export const missingPermission = (
  { behaviour }: Pick<AccessRule, "behaviour">,
  caller: Pick<AgentCaller, "permissions">,
): Permission | undefined => (behaviour === "ops" && !holds(caller, "ops:ask") ? "ops:ask" : undefined)

export const mayUseAgent = (rule: AccessRule, caller: AgentCaller): boolean => {
  if (missingPermission(rule, caller) !== undefined) return false
  if (caller.isAdministrator) return true
  if (rule.owner !== undefined && rule.owner === caller.user) return true
  switch (rule.accessLevel ?? "public") {
    case "public":
      return true
    case "private":
      return false
    case "team": {
      const teams = rule.allowedTeams ?? []
      if (caller.department !== undefined && teams.includes(caller.department)) return true
      return [...caller.groups].some((group) => teams.includes(group))
    }
    case "user_specific":
      return (rule.allowedUsers ?? []).includes(caller.user)
  }
}

/** Its settings, status and end: the owner's, and administrators'. */
export const mayChangeAgent = (rule: AccessRule, caller: AgentCaller): boolean =>
  caller.isAdministrator || (rule.owner !== undefined && rule.owner === caller.user)
