/**
 * The text of the server's configuration file. `sync_interval: always` is written only
 * for servers that know it: 2.9 refuses the whole file.
 */
import type { ServerIdentity, StoreFiles } from "./store-files.ts"
import { isAtLeast, syncAlwaysFrom } from "./versions.ts"

/** `always`: fsync before the acknowledgement. `default`: the server's own interval, two minutes. */
export type SyncMode = "always" | "default"

export interface ClusterOptions {
  readonly name: string
  readonly port: number
  /** Ports of all members' route listeners on the same host. */
  readonly routePorts: ReadonlyArray<number>
}

export interface ConfigurationInput {
  readonly version: string
  readonly host: string
  readonly port: number
  readonly sync: SyncMode
  readonly identity: ServerIdentity
  readonly files: StoreFiles
  readonly cluster?: ClusterOptions | undefined
}

/** The largest message a client may publish; the server's own default, written down. */
export const payloadBytesMax = 1024 * 1024

const logBytesMax = 8 * 1024 * 1024

/** What a server of this version does when `sync` is asked of it. */
export const effectiveSync = (version: string, sync: SyncMode): SyncMode =>
  isAtLeast(version, syncAlwaysFrom) ? sync : "default"

const clusterLines = ({ host, identity }: ConfigurationInput, cluster: ClusterOptions) => {
  const login = `${identity.user}:${identity.password}`
  const routes = cluster.routePorts.map((port) => JSON.stringify(`nats-route://${login}@${host}:${port}`))
  return [
    "cluster {",
    `  name: ${JSON.stringify(cluster.name)}`,
    `  listen: ${JSON.stringify(`${host}:${cluster.port}`)}`,
    `  authorization { user: ${JSON.stringify(identity.user)}, password: ${JSON.stringify(identity.password)} }`,
    `  routes: [${routes.join(", ")}]`,
    "}",
  ]
}

/** Renders the file. Shape: contains the password, so it is stored readable by the owner only. */
export const renderConfiguration = (input: ConfigurationInput): string => {
  const { identity, files } = input
  const keepsOldLogsBounded = isAtLeast(input.version, syncAlwaysFrom)
  return [
    `server_name: ${JSON.stringify(identity.serverName)}`,
    `listen: ${JSON.stringify(`${input.host}:${input.port}`)}`,
    `authorization { user: ${JSON.stringify(identity.user)}, password: ${JSON.stringify(identity.password)} }`,
    `max_payload: ${payloadBytesMax}`,
    `pid_file: ${JSON.stringify(files.pid)}`,
    `log_file: ${JSON.stringify(files.log)}`,
    `logfile_size_limit: ${logBytesMax}`,
    ...(keepsOldLogsBounded ? ["logfile_max_num: 3"] : []),
    "jetstream {",
    `  store_dir: ${JSON.stringify(files.jetstream)}`,
    ...(effectiveSync(input.version, input.sync) === "always" ? ["  sync_interval: always"] : []),
    "}",
    ...(input.cluster === undefined ? [] : clusterLines(input, input.cluster)),
    "",
  ].join("\n")
}
