/** A log file over time: rotation, what is kept, and disks that are full. */
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { gunzipSync } from "node:zlib"
import type { RotatingFileStream } from "rotating-file-stream"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { logLimits } from "../../../resources/log/config.ts"
import { LogFile, pruneRotated } from "../../../resources/log/log-file.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-log-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const configOf = (more = {}) => ({
  path: join(folder, "millrace.log"),
  mib: 1,
  filesMax: 2,
  ageDaysMax: 14,
  ...more,
})
const lostLine = (lost: number) => `lost ${lost}`
const textOf = async (file: string) => {
  const content = await readFile(join(folder, file))
  return file.endsWith(".gz") ? gunzipSync(content).toString() : content.toString()
}

describe("a log file", () => {
  it("has every line in order when it is closed, and goes on with the file that is there", async () => {
    for (const round of [0, 1]) {
      const file = new LogFile({ config: configOf(), lostLine })
      for (let line = 0; line < 500; line++) file.write(`${round}-${line}`)
      await file.close()
      expect(file.lost).toBe(0)
    }
    const lines = (await textOf("millrace.log")).trimEnd().split("\n")
    expect(lines).toEqual(
      [0, 1].flatMap((round) => Array.from({ length: 500 }, (_, line) => `${round}-${line}`)),
    )
  })

  it("is rotated and gzipped when it has grown, and keeps so many of the old ones", async () => {
    const config = configOf()
    for (let part = 0; part < 5; part++) {
      const file = new LogFile({ config, lostLine })
      file.write(`${part} ${"x".repeat(config.mib * 1024 * 1024)}`)
      await file.close()
    }
    await pruneRotated(config.path, config, Date.now())
    const rotated = (await readdir(folder)).filter((name) => name.endsWith(".gz")).sort()
    expect(rotated).toHaveLength(2)
    expect((await textOf(rotated[1]!)).slice(0, 2)).toBe("4 ")
    expect(await textOf("millrace.log")).toBe("")
  })

  it("forgets old ones, and leaves other files alone", async () => {
    const config = configOf({ filesMax: 10 })
    const names = [
      "millrace.log.2026-01-01T00-00-00.000Z-1.gz",
      "millrace.log.2026-02-01T00-00-00.000Z-1.gz",
      "millrace.log.notes.gz",
      "other.log.2026-01-01T00-00-00.000Z-1.gz",
    ]
    for (const name of names) await writeFile(join(folder, name), "")
    const now = Date.now()
    for (const name of [names[0]!, names[2]!, names[3]!])
      await utimes(join(folder, name), 0, (now - 15 * 86_400_000) / 1_000)
    expect(await pruneRotated(config.path, config, now)).toBe(1)
    expect((await readdir(folder)).sort()).toEqual(names.slice(1).sort())
  })
})

describe("a disk that takes nothing", () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  /** A file whose disk is full until told otherwise. */
  const onFullDisk = () => {
    const disk = { isFull: true, written: "" }
    const open = () =>
      new Writable({
        decodeStrings: false,
        write: (chunk: string, _encoding, done) => {
          if (disk.isFull) return done(Object.assign(new Error("no space left"), { code: "ENOSPC" }))
          disk.written += chunk
          done()
        },
      }) as unknown as RotatingFileStream
    return { disk, file: new LogFile({ config: configOf(), lostLine, open }) }
  }

  it("costs lines, which are counted and told when it takes some again", async () => {
    const { disk, file } = onFullDisk()
    file.write("first")
    await vi.advanceTimersByTimeAsync(0)
    file.write("second")
    disk.isFull = false
    await vi.advanceTimersByTimeAsync(logLimits.retryMs)
    expect(disk.written).toBe("lost 1\nsecond\n")
    file.write("third")
    await vi.advanceTimersByTimeAsync(0)
    expect(disk.written).toBe("lost 1\nsecond\nthird\n")
    expect(file.lost).toBe(1)
  })

  it("never costs more memory than the queue may have: the oldest lines make room", async () => {
    const { disk, file } = onFullDisk()
    file.write("lost by the write")
    await vi.advanceTimersByTimeAsync(0)
    for (let line = 0; line < logLimits.waitingLinesMax + 5; line++) file.write(`line ${line}`)
    expect(file.lost).toBe(6)
    disk.isFull = false
    await vi.advanceTimersByTimeAsync(logLimits.retryMs)
    expect(disk.written.startsWith("lost 6\nline 5\nline 6\n")).toBe(true)
    expect(disk.written.trimEnd().split("\n")).toHaveLength(logLimits.waitingLinesMax + 1)
  })

  it("does not keep the process from ending", async () => {
    const { file } = onFullDisk()
    file.write("first")
    const closing = file.close()
    await vi.advanceTimersByTimeAsync(2 * logLimits.stopMs)
    await closing
    file.write("too late")
    expect(file.lost).toBe(2)
  })
})
