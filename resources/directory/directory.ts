/**
 * Who there is in a tenant, and what each may do: user → groups → roles → permissions. The only place that answers the
 * question of rights; what it answers is current to within `accessKeepMs` (limits.ts) on every node.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlError } from "effect/sql/SqlError"
import type { ChangedBy } from "../audit/record.ts"
import type { Changes } from "../changes/changes.ts"
import type { Refused } from "../refusal.ts"
import type { Tenancy } from "../tenants/tenancy.ts"
import { type DirectoryOptions, makeDirectory } from "./make.ts"

/** What an identity provider says of somebody who logs in. */
export interface Claims {
  readonly issuer: string
  readonly subject: string
  readonly username: string
  readonly email: string
  readonly name?: string | undefined
  readonly department?: string | undefined
  /** Names. Memberships that came from the provider before and are missing here end; those made by hand stay. */
  readonly groups?: ReadonlyArray<string> | undefined
}

/** What a user may do now. */
export interface Access {
  readonly user_id: string
  readonly username: string
  readonly active: boolean
  readonly department: string | undefined
  /** Ids. */
  readonly groups: ReadonlyArray<string>
  /** Names of roles, own and through groups. */
  readonly roles: ReadonlyArray<string>
  readonly permissions: ReadonlyArray<string>
}

/** A row of a list, and one user: the wire shape of `schemas/http/users.ts`. */
export interface User {
  readonly id: string
  readonly username: string
  readonly username_kr: string | null
  readonly email: string
  readonly department: string | null
  readonly is_active: boolean
  /** The mightiest role, for display: ADMIN before OPERATOR before USER before others. */
  readonly role: string
  /** Own and through groups. */
  readonly roles: ReadonlyArray<string>
  /** Own: what can be revoked from the user. */
  readonly granted_roles: ReadonlyArray<string>
  readonly groups: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly created_at: string
  readonly last_login_at: string | null
  /** Grows with each change: what If-Match is compared with. */
  readonly version: number
}

export interface Page<Row> {
  readonly rows: ReadonlyArray<Row>
  readonly total: number
}

export interface PageOf {
  /** From 1. */
  readonly page: number
  readonly limit: number
}

export interface UserSearch extends PageOf {
  readonly active?: boolean | undefined
  /** Part of a name or an e-mail address. */
  readonly search?: string | undefined
  readonly group?: string | undefined
  readonly role?: string | undefined
}

export interface Group {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly roles: ReadonlyArray<string>
  readonly members: number
  readonly created_at: string
  readonly version: number
}

export interface Role {
  readonly name: string
  readonly description: string
  readonly permissions: ReadonlyArray<string>
  readonly builtin: boolean
  readonly version: number
}

type Answer<A> = Effect.Effect<A, Refused | SqlError>

/** `version`: refused as `stale` when it is not the current one; absent: not checked. Every change is audited. */
export interface DirectoryService {
  /** Creates or updates the user of these claims. Refused when somebody deactivated the user. */
  readonly provision: (tenant: string, claims: Claims, by: ChangedBy) => Answer<User>
  /**
   * Undefined when there is no such user. Kept per node; a change here is seen on all nodes. The same object as long as
   * it holds. Gotcha: never inside a transaction.
   */
  readonly access: (tenant: string, username: string) => Effect.Effect<Access | undefined, SqlError>
  /** What is kept of it, without waiting; undefined when nothing is. Units: `now` in milliseconds since the epoch. */
  readonly accessKnown: (tenant: string, username: string, now: number) => Access | undefined

  readonly users: (tenant: string, search: UserSearch) => Answer<Page<User>>
  readonly user: (tenant: string, id: string) => Answer<User>
  readonly setActive: (by: ChangedBy, id: string, active: boolean, version?: number) => Answer<User>
  readonly grantRole: (by: ChangedBy, userId: string, role: string) => Answer<User>
  readonly revokeRole: (by: ChangedBy, userId: string, role: string) => Answer<User>

  readonly groups: (
    tenant: string,
    search: PageOf & { readonly search?: string | undefined },
  ) => Answer<Page<Group>>
  readonly group: (tenant: string, id: string) => Answer<Group>
  readonly createGroup: (
    by: ChangedBy,
    group: { readonly name: string; readonly description: string; readonly roles: ReadonlyArray<string> },
  ) => Answer<Group>
  readonly changeGroup: (
    by: ChangedBy,
    id: string,
    change: {
      readonly name?: string | undefined
      readonly description?: string | undefined
      readonly roles?: ReadonlyArray<string> | undefined
    },
    version?: number,
  ) => Answer<Group>
  readonly deleteGroup: (by: ChangedBy, id: string, version?: number) => Answer<void>
  readonly members: (tenant: string, group: string, page: PageOf) => Answer<Page<User>>
  readonly addMember: (by: ChangedBy, group: string, userId: string) => Answer<void>
  readonly removeMember: (by: ChangedBy, group: string, userId: string) => Answer<void>

  readonly roles: (tenant: string) => Answer<ReadonlyArray<Role>>
  readonly role: (tenant: string, name: string) => Answer<Role>
  readonly createRole: (
    by: ChangedBy,
    role: {
      readonly name: string
      readonly description: string
      readonly permissions: ReadonlyArray<string>
    },
  ) => Answer<Role>
  readonly changeRole: (
    by: ChangedBy,
    name: string,
    change: {
      readonly description?: string | undefined
      readonly permissions?: ReadonlyArray<string> | undefined
    },
    version?: number,
  ) => Answer<Role>
  readonly deleteRole: (by: ChangedBy, name: string, version?: number) => Answer<void>
}

export class Directory extends Context.Service<Directory, DirectoryService>()("millrace/Directory") {
  static layer(options: DirectoryOptions = {}): Layer.Layer<Directory, never, Changes | Tenancy> {
    return Layer.effect(Directory, makeDirectory(options))
  }
}
