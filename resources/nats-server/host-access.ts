/**
 * The two ways in which obtaining a server reaches outside this process: running a
 * command and downloading a file, both bounded. A reference with a default, so that
 * callers provide nothing and tests put a scripted host in its place.
 */
import { execFile } from "node:child_process"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** Why a command or a download did not work, as one line. */
export class HostAccessFailed extends Schema.TaggedError<HostAccessFailed>()("HostAccessFailed", {
  reason: Schema.String,
}) {}

export interface CommandOptions {
  readonly timeoutMs: number
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
}

export interface HostAccessShape {
  readonly platform: string
  readonly architecture: string
  /** Runs to the end and gives both output streams, or fails with the last line of complaint. */
  readonly run: (
    command: string,
    args: ReadonlyArray<string>,
    options: CommandOptions,
  ) => Effect.Effect<string, HostAccessFailed>
  /** Follows redirects; fails on any status but 2xx, past `timeoutMs`, or past `bytesMax`. */
  readonly download: (
    url: string,
    options: { readonly timeoutMs: number; readonly bytesMax: number },
  ) => Effect.Effect<Uint8Array, HostAccessFailed>
}

const lastLine = (text: string) => text.trim().split("\n").at(-1)?.trim() ?? ""

const run: HostAccessShape["run"] = (command, args, options) =>
  Effect.callback((resume, signal) => {
    const settings = {
      signal,
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
      env: { ...process.env, ...options.environment },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    } as const
    execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) return resume(Effect.succeed(`${stdout}\n${stderr}`))
      const reason =
        error.code === "ENOENT"
          ? `${command} is not installed`
          : error.killed
            ? `${command} took longer than ${options.timeoutMs / 1000} s`
            : lastLine(stderr) || lastLine(error.message)
      resume(Effect.fail(new HostAccessFailed({ reason })))
    })
  })

const readBounded = async (response: Response, bytesMax: number) => {
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** `fetch failed` says nothing; the cause (name not resolved, refused, certificate) does. */
const downloadFailure = (cause: unknown) => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return new HostAccessFailed({ reason: lastLine(inner instanceof Error ? inner.message : String(inner)) })
}

const download: HostAccessShape["download"] = (url, options) =>
  Effect.tryPromise({
    try: async (signal) => {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
      const response = await fetch(url, { signal: bounded })
      if (!response.ok) throw new Error(`${url} answered ${response.status}`)
      return readBounded(response, options.bytesMax)
    },
    catch: downloadFailure,
  })

/** The machine this process runs on, unless a test provides another. */
export const HostAccess: Context.Reference<HostAccessShape> = Context.Reference(
  "millrace/nats-server/HostAccess",
  {
    defaultValue: (): HostAccessShape => ({
      platform: process.platform,
      architecture: process.arch,
      run,
      download,
    }),
  },
)
