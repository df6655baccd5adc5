/** Every bound of the directory, with its unit. */
import { groupRolesMax } from "../../schemas/index.ts"

export const directoryLimits = {
  /** How long a node answers what somebody may do without looking, when it hears of no change. */
  accessKeepMs: 30_000,
  /** Users whose rights a node keeps at hand. */
  accessKeptMax: 20_000,
  /** Groups that a node keeps at hand. */
  groupsKeptMax: 5_000,
  /** Roles of its own that a tenant may have. */
  rolesMax: 500,
  groupsMax: 10_000,
  groupRolesMax,
  /** Groups that a provider may name for one user; more are refused. */
  claimedGroupsMax: 1_000,
  /** Characters of what a provider says of a user. */
  usernameCharactersMax: 128,
  subjectCharactersMax: 512,
  nameCharactersMax: 256,
} as const
