/** Says what "stored" means in this deployment, in words for the start-up log and in fields for /health. */
import type { Resolved } from "./config.ts"
import type { NatsConnection } from "./connection.ts"

export interface DurabilityReport {
  readonly serverVersion: string
  readonly replicas: number
  readonly storage: "file" | "memory"
  /** The server's fsync interval, or `unknown` for a server that somebody else runs. */
  readonly syncInterval: string
  readonly survives: {
    readonly processKill: boolean
    readonly operatingSystemCrash: boolean | "unknown"
    readonly diskLoss: boolean
  }
  readonly text: string
}

export const durabilityReport = (nats: NatsConnection, config: Resolved): DurabilityReport => {
  const { replicas, storage } = config
  const syncInterval = config.syncInterval ?? "unknown"
  const replicated = replicas > 1
  const file = storage === "file"
  const survives = {
    processKill: file || replicated,
    operatingSystemCrash:
      replicated || (!file ? false : syncInterval === "unknown" ? "unknown" : syncInterval === "always"),
    diskLoss: replicated,
  } as const
  const loss = replicated
    ? `an acknowledged command survives the loss of ${(replicas - 1) / 2} of ${replicas} servers`
    : !file
      ? "everything is lost when the server stops"
      : syncInterval === "always"
        ? "an acknowledged command is on disk; losing the disk loses it"
        : `an acknowledged command survives a killed process; an operating-system crash may take the last ${syncInterval === "unknown" ? "moments, as the server's sync_interval says (default: two minutes)" : syncInterval}`
  return {
    serverVersion: nats.capabilities.serverVersion,
    replicas,
    storage,
    syncInterval,
    survives,
    text: `nats-server ${nats.capabilities.serverVersion}, ${replicas} ${replicas === 1 ? "copy" : "copies"} in ${storage} storage, sync_interval ${syncInterval}: ${loss}`,
  }
}
