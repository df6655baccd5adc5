/**
 * One run of the process that holds the embedded database, seen from its parent: started, asked, stopped.
 * The pipe between them is the only tie; when the parent ends in any way, the child sees its end and leaves.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { resolve } from "node:path"
import type { Duplex } from "node:stream"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type DatabaseError, DatabaseLocked, DatabaseUnavailable } from "./errors.ts"
import { processLimits } from "./limits.ts"
import { type Frame, FrameReader, frameHeader, frameKind } from "./pipe-frames.ts"

/** Where the embedded database keeps its data; `memory://` keeps it nowhere. */
export const inMemory = "memory://"

export interface EmbeddedChild {
  readonly version: string
  /** One at a time: the multiplexer waits for each answer. Rejects when the process ends first. */
  readonly execute: (messages: Uint8Array) => Promise<Uint8Array>
  readonly exited: Promise<string>
}

const program = fileURLToPath(new URL("./embedded-process.ts", import.meta.url))
const pipeDescriptor = 3
const complaintBytesMax = 4096
const text = new TextDecoder()

interface Spawned {
  readonly process: ChildProcess
  readonly pipe: Duplex
  readonly exited: Promise<string>
}

const spawnChild = (dataDirectory: string): Spawned => {
  const place = dataDirectory === inMemory ? inMemory : resolve(dataDirectory)
  const child = spawn(process.execPath, [program, place], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    windowsHide: true,
  })
  const pipe = child.stdio[pipeDescriptor] as unknown as Duplex
  // A write to a process that just died fails; its exit is what everybody waits for.
  pipe.on("error", () => {})
  let complaint = ""
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-complaintBytesMax)
  })
  const exited = new Promise<string>((done) => {
    child.once("error", (cause) => done(cause.message))
    child.once("close", (exitCode, signal) =>
      done(`it ended with ${signal ?? exitCode}. ${complaint}`.trim()),
    )
  })
  return { process: child, pipe, exited }
}

/** Frames one at a time, in order; a wait that outlives the process is rejected. */
const askThrough = (pipe: Duplex, exited: Promise<string>) => {
  const frames = new FrameReader()
  let pending: PromiseWithResolvers<Frame> | undefined
  pipe.on("data", (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) pending?.resolve(frame)
  })
  let ended: Error | undefined
  void exited.then((reason) => {
    ended = new Error(`the embedded database went away: ${reason}`)
    pending?.reject(ended)
  })
  return (): Promise<Frame> => {
    if (ended !== undefined) return Promise.reject(ended)
    pending = Promise.withResolvers<Frame>()
    return pending.promise
  }
}

/** Ends the pipe, which is the order to close and leave, and kills what does not. */
const stop = ({ process: child, pipe, exited }: Spawned) =>
  Effect.promise(async () => {
    pipe.end()
    const killer = setTimeout(() => child.kill("SIGKILL"), processLimits.stopMs)
    await exited
    clearTimeout(killer)
  })

const readFirst = (dataDirectory: string, frame: Frame): Effect.Effect<string, DatabaseError> => {
  const body = text.decode(frame.body)
  switch (frame.kind) {
    case frameKind.ready:
      return Effect.succeed(body)
    case frameKind.locked:
      return Effect.fail(new DatabaseLocked({ directory: resolve(dataDirectory), pid: Number(body) }))
    default:
      return Effect.fail(new DatabaseUnavailable({ reason: `it did not open ${dataDirectory}: ${body}` }))
  }
}

/**
 * Starts the process and waits until its database is open; closing the scope closes the database.
 *
 * Order: `onExit` runs before a statement that was under way is rejected.
 * Errors: `DatabaseLocked` when a live process holds the directory, `DatabaseUnavailable` else.
 */
export const startChild = Effect.fn("EmbeddedChild.start")(function* (
  dataDirectory: string,
  onExit: () => void,
): Effect.fn.Return<EmbeddedChild, DatabaseError, Scope.Scope> {
  const spawned = yield* Effect.acquireRelease(
    Effect.sync(() => spawnChild(dataDirectory)),
    stop,
  )
  // Attached first, so that it runs before a statement that was under way is rejected.
  void spawned.exited.then(onExit)
  const nextFrame = askThrough(spawned.pipe, spawned.exited)
  const first = yield* Effect.tryPromise({
    try: nextFrame,
    catch: (cause) => new DatabaseUnavailable({ reason: (cause as Error).message }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: processLimits.startMs,
      orElse: () =>
        Effect.fail(new DatabaseUnavailable({ reason: `no answer in ${processLimits.startMs} ms` })),
    }),
  )
  const version = yield* readFirst(dataDirectory, first)
  const execute = async (messages: Uint8Array): Promise<Uint8Array> => {
    const answer = nextFrame()
    spawned.pipe.write(frameHeader(frameKind.execute, messages.length))
    spawned.pipe.write(messages)
    return (await answer).body
  }
  return { version, execute, exited: spawned.exited }
})
