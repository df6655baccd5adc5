/**
 * A log file that is rotated by size, gzipped, and kept for a while. Writing never holds anybody up and never fails:
 * lines wait in a bounded queue, one write is under way at a time and takes what has gathered, and what is lost while the
 * disk is full or away is counted and told in the next line that gets through.
 */
import { readdir, rm, stat } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { createStream, type RotatingFileStream } from "rotating-file-stream"
import { type LogFileConfig, logLimits } from "./config.ts"

const dayMs = 24 * 60 * 60_000

/** Sorts by time: `millrace.log.2026-11-21T04-18-13.120Z-1.gz`. */
const rotatedName = (name: string, time: Date, index: number): string =>
  `${name}.${time.toISOString().replaceAll(":", "-")}-${index}.gz`

const rotatedPart = /^\.\d{4}-\d{2}-\d{2}T[\d.-]+Z-\d+\.gz$/

const isRotated = (file: string, name: string): boolean =>
  file.startsWith(name) && rotatedPart.test(file.slice(name.length))

/** Deletes what is too old or too much; gives how many. */
export const pruneRotated = async (path: string, config: LogFileConfig, now: number): Promise<number> => {
  const [folder, name] = [dirname(path), basename(path)]
  const files = (await readdir(folder)).filter((file) => isRotated(file, name)).sort()
  const tooMany = files.slice(0, Math.max(0, files.length - config.filesMax))
  const old = []
  for (const file of files.slice(tooMany.length)) {
    const { mtimeMs } = await stat(join(folder, file))
    if (now - mtimeMs > config.ageDaysMax * dayMs) old.push(file)
  }
  const doomed = [...tooMany, ...old]
  for (const file of doomed) await rm(join(folder, file), { force: true })
  return doomed.length
}

export interface LogFileOptions {
  readonly config: LogFileConfig
  /** The line that says how many were lost. */
  readonly lostLine: (lost: number) => string
  /** Replaced by tests, which fill disks. */
  readonly open?: (path: string, bytesMax: number) => RotatingFileStream
}

const openStream = (path: string, bytesMax: number): RotatingFileStream =>
  createStream(
    (time, index) =>
      // The library asks with a number only when it rotates by count, which it is not told to do.
      time === null || typeof time === "number"
        ? basename(path)
        : rotatedName(basename(path), time, index ?? 1),
    { path: dirname(path), size: `${bytesMax}B`, compress: "gzip", mode: 0o600 },
  )

export class LogFile {
  readonly #options: LogFileOptions
  readonly #path: string
  #stream: RotatingFileStream | undefined
  #waiting: Array<string> = []
  /** Where in `#waiting` the oldest line is: shifting a long array is slow. */
  #first = 0
  #writing = false
  #retry: NodeJS.Timeout | undefined
  #lost = 0
  #lostInAll = 0
  #idle: (() => void) | undefined
  #closed = false
  readonly #pruning: NodeJS.Timeout

  constructor(options: LogFileOptions) {
    this.#options = options
    this.#path = resolve(options.config.path)
    this.#pruning = setInterval(() => this.#prune(), logLimits.pruneEveryMs)
    this.#pruning.unref()
    this.#prune()
  }

  get lost(): number {
    return this.#lostInAll
  }

  write(line: string): void {
    if (this.#closed) {
      this.#countLost(1)
      return
    }
    if (this.#waiting.length - this.#first >= logLimits.waitingLinesMax) {
      this.#first += 1
      this.#countLost(1)
    }
    this.#waiting.push(line)
    if (!this.#writing && this.#retry === undefined) this.#writeNext()
  }

  /** Resolves when everything is written, or nothing more can be. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#pruning)
    if (this.#retry !== undefined) {
      clearTimeout(this.#retry)
      this.#retry = undefined
      this.#writeNext()
    }
    if (this.#writing) await within(logLimits.stopMs, (done) => (this.#idle = done))
    clearTimeout(this.#retry)
    const stream = this.#stream
    if (stream !== undefined && !stream.destroyed) await within(logLimits.stopMs, (done) => stream.end(done))
  }

  #countLost(lines: number): void {
    this.#lost += lines
    this.#lostInAll += lines
  }

  #take(): ReadonlyArray<string> {
    const lines: Array<string> = []
    let characters = 0
    while (this.#first < this.#waiting.length && characters < logLimits.writeCharactersMax) {
      const line = this.#waiting[this.#first++]!
      characters += line.length
      lines.push(line)
    }
    if (this.#first === this.#waiting.length || this.#first >= logLimits.waitingLinesMax) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    return lines
  }

  #writeNext(): void {
    const lines = this.#take()
    this.#writing = lines.length > 0
    if (!this.#writing) {
      this.#idle?.()
      return
    }
    const lost = this.#lost
    const all = lost === 0 ? lines : [this.#options.lostLine(lost), ...lines]
    this.#opened().write(`${all.join("\n")}\n`, (failure) => {
      if (failure === undefined || failure === null) {
        this.#lost -= lost
        return this.#writeNext()
      }
      this.#countLost(lines.length)
      this.#writing = false
      this.#idle?.()
      this.#retry = setTimeout(() => {
        this.#retry = undefined
        this.#writeNext()
      }, logLimits.retryMs)
      this.#retry.unref()
    })
  }

  /** A stream that has failed once is of no more use. */
  #opened(): RotatingFileStream {
    if (this.#stream === undefined || this.#stream.destroyed || this.#stream.errored !== null) {
      const { open = openStream, config } = this.#options
      this.#stream = open(this.#path, config.mib * 1024 * 1024)
      // Told to whoever writes; without a listener it would end the process.
      this.#stream.on("error", () => {})
      this.#stream.on("rotated", () => this.#prune())
    }
    return this.#stream
  }

  /** What cannot be deleted now is tried again with the next rotation. */
  #prune(): void {
    pruneRotated(this.#path, this.#options.config, Date.now()).catch(() => {})
  }
}

const within = (limitMs: number, start: (done: () => void) => void): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, limitMs)
    start(() => {
      clearTimeout(timer)
      done()
    })
  })
