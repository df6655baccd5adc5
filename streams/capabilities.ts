/**
 * What the connected server can do. The client passes newer features through to an old server, which ignores them
 * silently, so every use is gated here.
 */
import * as Effect from "effect/Effect"
import { UnsupportedByServer } from "./errors.ts"

export interface Capabilities {
  readonly serverVersion: string
  /** JetStream's API level; 0 before nats-server 2.11. */
  readonly apiLevel: number
  /** Compare-and-set holds with more than one replica. */
  readonly replicas: boolean
  /** A consumer may have several filters; older servers take one. */
  readonly severalFilters: boolean
  readonly clustered: boolean
  readonly messageTimeToLive: boolean
  readonly atomicBatch: boolean
}

export const oldestServer = "2.9.0"

const atLeast = (version: string, wanted: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

export const capabilitiesOf = (
  serverVersion: string,
  apiLevel: number,
  clustered: boolean,
): Capabilities => ({
  serverVersion,
  apiLevel,
  clustered,
  replicas: atLeast(serverVersion, "2.10"),
  severalFilters: atLeast(serverVersion, "2.10"),
  messageTimeToLive: apiLevel >= 1,
  atomicBatch: apiLevel >= 2,
})

export const requireServer = Effect.fnUntraced(function* (capabilities: Capabilities, replicas: number) {
  const { serverVersion } = capabilities
  if (!atLeast(serverVersion, "2.9"))
    return yield* new UnsupportedByServer({
      feature: "Millrace",
      serverVersion,
      neededVersion: oldestServer,
      reason: "direct reads and discard_new_per_subject appeared in 2.9",
    })
  if (replicas > 1 && !capabilities.replicas)
    return yield* new UnsupportedByServer({
      feature: `replicas ${replicas}`,
      serverVersion,
      neededVersion: "2.10.0",
      reason:
        "with replicas, compare-and-set accepts two writers before 2.10 (nats-server #4320), and journals rest on it",
    })
  // A lone 2.10 server takes the setting in an update, says so, and keeps one copy.
  if (replicas > 1 && !capabilities.clustered)
    return yield* new UnsupportedByServer({
      feature: `replicas ${replicas}`,
      serverVersion,
      neededVersion: "2.10.0 in a cluster",
      reason: "this server is not part of one",
    })
})
