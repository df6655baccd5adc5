/** `mayUseAgent` as a condition on a row of `agents` named `a`. A test holds the two together. */
import type { SqlClient } from "effect/sql/SqlClient"
import { type AgentCaller, holds } from "../access.ts"

export const accessCondition = (sql: SqlClient, caller: AgentCaller) => {
  const { user, department, groups, isAdministrator } = caller
  const teams = JSON.stringify([...groups, ...(department === undefined ? [] : [department])])
  return sql`(${holds(caller, "ops:ask")}::boolean OR a.view->>'behaviour' IS DISTINCT FROM 'ops')
    AND (${isAdministrator}::boolean OR a.owner = ${user} OR a.access_level = 'public'
    OR (a.access_level = 'team'
      AND a.allowed_teams && ARRAY(SELECT jsonb_array_elements_text(${teams}::text::jsonb)))
    OR (a.access_level = 'user_specific' AND ${user} = ANY (a.allowed_users)))`
}
