/**
 * The process that runs PGlite for its parent: it holds the directory's lock, executes what comes down
 * the pipe one batch at a time, and leaves when the pipe ends. It imports as little as it can, to start
 * fast, and ignores the terminal's Ctrl-C: only the parent knows when its work is done.
 */
import { existsSync, renameSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"
import { PGlite } from "@electric-sql/pglite"
import { vector } from "@electric-sql/pglite-pgvector"
import { takeDirectoryLock } from "./directory-lock.ts"
import { FrameReader, frameHeader, frameKind } from "./pipe-frames.ts"

const pipeDescriptor = 3
const inMemory = "memory://"
const text = new TextEncoder()

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})

const pipe = new Socket({ fd: pipeDescriptor, readable: true, writable: true })
// A write to a parent that was killed fails; the end of the pipe follows and ends this process.
pipe.on("error", () => {})

const send = (kind: number, pieces: ReadonlyArray<Uint8Array>): void => {
  const bodyBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  pipe.cork()
  pipe.write(frameHeader(kind, bodyBytes))
  for (const piece of pieces) pipe.write(piece)
  pipe.uncork()
}

/** Says why and leaves once the parent has it. */
const giveUp = (kind: number, reason: string): void => {
  send(kind, [text.encode(reason)])
  pipe.end(() => process.exit(1))
}

/** Runs protocol messages; an SQL error is part of the answer, so an exception here means a broken engine. */
const execute = async (database: PGlite, messages: Uint8Array): Promise<void> => {
  const pieces: Array<Uint8Array> = []
  // The piece is a view of the engine's memory: copy before it is reused.
  await database.execProtocolRawStream(messages, { onRawData: (piece) => pieces.push(piece.slice()) })
  send(frameKind.answer, pieces)
}

const serve = (database: PGlite, leave: () => Promise<void>): void => {
  const frames = new FrameReader()
  let work = Promise.resolve()
  const enqueue = (task: () => Promise<void>) => {
    work = work.then(task).catch((cause) => {
      console.error("The embedded database failed", cause)
      process.exit(70)
    })
  }
  pipe.on("data", (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) {
      if (frame.kind === frameKind.execute) enqueue(() => execute(database, frame.body))
    }
  })
  pipe.once("close", () => enqueue(leave))
  pipe.once("end", () => pipe.end())
}

const openDatabase = (dataDirectory: string) => PGlite.create(dataDirectory, { extensions: { vector } })

/** Makes a new database beside its place and moves it there whole: a kill half-way leaves no half database. */
const createOnDisk = async (dataDirectory: string): Promise<void> => {
  if (existsSync(join(dataDirectory, "PG_VERSION"))) return
  const draft = `${dataDirectory}.new`
  rmSync(draft, { recursive: true, force: true })
  const database = await openDatabase(draft)
  await database.close()
  renameSync(draft, dataDirectory)
}

const open = async (dataDirectory: string): Promise<void> => {
  const lock = dataDirectory === inMemory ? undefined : await takeDirectoryLock(dataDirectory)
  if (lock?._tag === "Refused") return giveUp(frameKind.locked, String(lock.pid))
  try {
    if (lock !== undefined) await createOnDisk(dataDirectory)
    const database = await openDatabase(dataDirectory)
    const version = await database.query<{ server_version: string }>("SHOW server_version")
    serve(database, async () => {
      await database.close()
      lock?.release()
      process.exit(0)
    })
    send(frameKind.ready, [text.encode(version.rows[0]?.server_version ?? "")])
  } catch (cause) {
    lock?.release()
    giveUp(frameKind.failed, cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))
  }
}

await open(process.argv[2] ?? inMemory)
