/** Puts the directory together. */
import * as Effect from "effect/Effect"
import { Changes } from "../changes/changes.ts"
import { Kept, keptUnder } from "../changes/kept.ts"
import { platformTenant } from "../tenants/migrations.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { accessRow } from "./access.ts"
import { accessTopic } from "./change.ts"
import type { Access, DirectoryService, Group } from "./directory.ts"
import { makeGroups } from "./groups.ts"
import { directoryLimits } from "./limits.ts"
import { makeProvision } from "./provision.ts"
import { makeRoles } from "./roles.ts"
import { makeUsers } from "./users.ts"

export interface DirectoryOptions {
  /** The tenant that manages the others. Default: `platformTenant`. */
  readonly platform?: string | undefined
  /**
   * Who is made ADMIN at each login: a user name of the platform's tenant, or `<tenant>/<user name>`. The way back in
   * when a tenant has no administrator.
   */
  readonly administrators?: ReadonlyArray<string> | undefined
}

export const makeDirectory = Effect.fnUntraced(function* ({
  platform = platformTenant,
  administrators = [],
}: DirectoryOptions): Effect.fn.Return<DirectoryService, never, Changes | Tenancy> {
  const parts = { tenancy: yield* Tenancy, changes: yield* Changes, platform }
  const { accessKeptMax, accessKeepMs, groupsKeptMax } = directoryLimits
  const kept = new Kept<Access | undefined>({ entriesMax: accessKeptMax, keepMs: accessKeepMs })
  const keyOf = (tenant: string, username: string) => `${tenant}\n${username}`
  const generation = (tenant: string) => parts.changes.generation(accessTopic(tenant))
  const load = (tenant: string, username: string) =>
    parts.tenancy.within(tenant, (sql) => accessRow(sql, tenant, username, tenant === platform))
  const groups = makeGroups(parts)
  const keptGroups = new Kept<Group>({ entriesMax: groupsKeptMax, keepMs: accessKeepMs })
  const admins = new Set(administrators.map((name) => (name.includes("/") ? name : `${platform}/${name}`)))
  return {
    provision: makeProvision(parts, (tenant, username) => admins.has(`${tenant}/${username}`)),
    access: (tenant, username) =>
      keptUnder(kept, keyOf(tenant, username), () => generation(tenant), load(tenant, username)),
    accessKnown: (tenant, username, now) => kept.get(keyOf(tenant, username), generation(tenant), now),
    ...makeUsers(parts),
    ...groups,
    group: (tenant, id) =>
      keptUnder(keptGroups, keyOf(tenant, id), () => generation(tenant), groups.group(tenant, id)),
    ...makeRoles(parts),
  }
})
