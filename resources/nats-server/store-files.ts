/**
 * The files of one server in its store directory, and the secret it keeps there: user
 * and password are made once, readable by the owner only, so that other local users
 * cannot connect and a restart serves the clients that are already configured.
 */
import { randomBytes } from "node:crypto"
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NatsServerStartFailed } from "./errors.ts"

/** Where everything about one server lives. */
export const storeFiles = (storeDir: string) => {
  const directory = resolve(storeDir)
  return {
    directory,
    jetstream: join(directory, "jetstream"),
    configuration: join(directory, "nats-server.conf"),
    identity: join(directory, "identity.json"),
    pid: join(directory, "nats-server.pid"),
    launcher: join(directory, "launcher.json"),
    log: join(directory, "nats-server.log"),
    /** What the server wrote before its own log was open; only of the last start. */
    output: join(directory, "nats-server.out"),
  }
}

export type StoreFiles = ReturnType<typeof storeFiles>

const Identity = Schema.Struct({ serverName: Schema.String, user: Schema.String, password: Schema.String })
const IdentityJson = Schema.fromJsonString(Identity)

/** Who the server is and who may connect to it. */
export type ServerIdentity = typeof Identity.Type

/** Turns a rejection on the store directory into a failed start. */
export const onStore = <A>(storeDir: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      new NatsServerStartFailed({ storeDir, reason: cause instanceof Error ? cause.message : String(cause) }),
  })

/** Replaces a file in one step, readable by the owner only. */
export const writePrivately = async (path: string, text: string) => {
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}

/** A new identity, not yet stored. */
export const makeIdentity = (): ServerIdentity => ({
  serverName: `millrace-${randomBytes(6).toString("hex")}`,
  user: "millrace",
  password: randomBytes(24).toString("hex"),
})

/** Creates the directory when it is missing, closed to everybody but the owner. */
export const createStore = (files: StoreFiles) =>
  onStore(files.directory, async () => {
    await mkdir(files.jetstream, { recursive: true, mode: 0o700 })
    await chmod(files.directory, 0o700)
  })

/** The identity kept in the store, or a new one that is kept from now on. Only for who has claimed the store. */
export const readIdentity = Effect.fn("readIdentity")(function* (files: StoreFiles) {
  const stored = yield* Effect.promise(() => readFile(files.identity, "utf8").catch(() => undefined))
  if (stored === undefined) {
    const identity = makeIdentity()
    yield* onStore(files.directory, () => writePrivately(files.identity, JSON.stringify(identity)))
    return identity
  }
  return yield* Schema.decodeUnknownEffect(IdentityJson)(stored).pipe(
    Effect.mapError(
      () => new NatsServerStartFailed({ storeDir: files.directory, reason: `${files.identity} is damaged` }),
    ),
  )
})
