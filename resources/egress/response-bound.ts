/** Lets an answer's bytes through until there are too many of them or the time is over. */
import { EgressRefused } from "./refused.ts"

export interface BodyBound {
  readonly host: string
  readonly url: string
  readonly bytesMax: number
  readonly timer: AbortSignal
  readonly late: () => EgressRefused
}

const tooLarge = ({ host, bytesMax }: BodyBound) =>
  new EgressRefused("size", host, `its answer is larger than ${bytesMax} bytes`, "ask for less at a time")

/** Statuses whose answers have no body. */
const bodiless = new Set([101, 204, 205, 304])

const counted = (body: ReadableStream<Uint8Array>, bound: BodyBound): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let bytes = 0
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const piece = await reader.read().catch((failure: unknown) => {
      throw bound.timer.aborted ? bound.late() : failure
    })
    if (piece.done) return controller.close()
    bytes += piece.value.byteLength
    if (bytes <= bound.bytesMax) return controller.enqueue(piece.value)
    const refused = tooLarge(bound)
    await reader.cancel(refused)
    throw refused
  }
  return new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 })
}

/** Errors: a body that says beforehand that it is too large rejects at once; others while they are read. */
export const boundedBody = async (response: Response, bound: BodyBound): Promise<Response> => {
  const { status, statusText, headers, body } = response
  if (Number(headers.get("content-length") ?? 0) > bound.bytesMax) {
    await body?.cancel()
    throw tooLarge(bound)
  }
  const init = { status, statusText, headers: [...headers] as Array<[string, string]> }
  const bounded = new Response(body === null || bodiless.has(status) ? null : counted(body, bound), init)
  Object.defineProperty(bounded, "url", { value: bound.url })
  return bounded
}
