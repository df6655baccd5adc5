/**
 * The `nats-server` releases this project knows by name, and from which one each
 * feature it relies on works. Everything that depends on a version asks here.
 */
import * as Result from "effect/Result"
import * as SemVer from "effect/SemVer"

/** Releases the contract suites run against: the pinned newest, one in between, the oldest supported. */
export const natsServerVersions = { newest: "2.15.1", middle: "2.10.27", oldest: "2.9.10" } as const

/** The oldest series that is accepted at all, from PATH or anywhere else. */
export const supportedFrom = "2.9.0"

/** `sync_interval: always` is understood from here on; older servers refuse the whole configuration. */
export const syncAlwaysFrom = "2.10.0"

/**
 * Replicas may be used from here on. On 2.9 a compare-and-set on a replicated
 * stream lets several writers win the same race.
 * Source: nats-server issue 4320, measured: 2,998 of 3,000 races had more than one winner.
 */
export const replicasFrom = "2.10.0"

/** Whether `version` is `floor` or newer; a text that is not a version is not. */
export const isAtLeast = (version: string, floor: string): boolean => {
  const parsed = SemVer.parse(version)
  return Result.isSuccess(parsed) && SemVer.isGreaterThanOrEqualTo(parsed.success, SemVer.parseUnsafe(floor))
}

/** Newest first; texts that are not versions are left out. */
export const newestFirst = (versions: ReadonlyArray<string>): ReadonlyArray<string> =>
  versions
    .filter((version) => Result.isSuccess(SemVer.parse(version)))
    .sort((left, right) => SemVer.Order(SemVer.parseUnsafe(right), SemVer.parseUnsafe(left)))
