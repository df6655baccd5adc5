/** Checks what an identity provider says before any of it is stored. */
import * as Effect from "effect/Effect"
import type { Refused } from "../refusal.ts"
import { systemUser } from "./change.ts"
import type { Claims } from "./directory.ts"
import { directoryLimits as limits } from "./limits.ts"
import { badClaim } from "./refusals.ts"

/** Control characters, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}]/u

/** Undefined when it can be taken. */
const problemOf = (text: string, charactersMax: number): string | undefined => {
  if (text.trim() === "" || text !== text.trim()) return "it is empty, or begins or ends with a space"
  if (text.length > charactersMax) return `it has more than ${charactersMax} characters`
  if (unprintable.test(text)) return "it has characters that cannot be shown"
  return undefined
}

/** A group of such a name cannot be. */
const isGroupName = (name: string) => problemOf(name, limits.nameCharactersMax) === undefined

/** Sorted, each once, and once for names that differ only in the case of letters. */
const groupNames = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Map(names.filter(isGroupName).map((name) => [name.toLowerCase(), name])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, name]) => name)

/** Groups whose names no group can have are left out. Errors: 422 `USR_USER_003`. */
export const checkedClaims = Effect.fnUntraced(function* (claims: Claims): Effect.fn.Return<Claims, Refused> {
  const { usernameCharactersMax, subjectCharactersMax, nameCharactersMax, claimedGroupsMax } = limits
  const checks = [
    ["issuer", claims.issuer, subjectCharactersMax],
    ["subject", claims.subject, subjectCharactersMax],
    ["username", claims.username, usernameCharactersMax],
    ["email", claims.email, nameCharactersMax],
    ["name", claims.name, nameCharactersMax],
    ["department", claims.department, nameCharactersMax],
  ] as const
  for (const [field, text, charactersMax] of checks) {
    const problem = text === undefined ? undefined : problemOf(text, charactersMax)
    if (problem !== undefined) return yield* badClaim(field, problem)
  }
  const username = claims.username.normalize("NFC")
  if (username.toLowerCase() === systemUser) return yield* badClaim("username", "this name is the node's own")
  if ((claims.groups?.length ?? 0) > claimedGroupsMax)
    return yield* badClaim("groups", `at most ${claimedGroupsMax} groups`)
  return {
    ...claims,
    username,
    ...(claims.groups === undefined ? {} : { groups: groupNames(claims.groups) }),
  }
})
