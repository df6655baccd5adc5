/**
 * Reads the last message of a subject so that every acknowledged write is reflected. With one replica any read does;
 * with more, a direct get may be answered by a replica that lags, so the stream's leader is asked.
 */
import { errorCodes } from "./acknowledgement.ts"
import { callApi } from "./api.ts"
import type { Requests } from "./requests.ts"
import type { StreamSettings } from "./topology.ts"

export interface Latest {
  readonly sequence: number
  readonly data: Uint8Array
  /** Milliseconds since the epoch. */
  readonly storedAt: number
  readonly messageId: string
}

/** `failure` says why nothing is known; without it, `latest` undefined means that there is no message. */
export type OnLatest = (failure: string | undefined, latest: Latest | undefined) => void

export const readLatest = (
  requests: Requests,
  stream: StreamSettings,
  subject: string,
  onLatest: OnLatest,
): void =>
  stream.num_replicas === 1
    ? readDirectly(requests, stream.name, subject, onLatest)
    : readFromLeader(requests, stream.name, subject, onLatest)

const nothing = new Uint8Array(0)

const readDirectly = (requests: Requests, stream: string, subject: string, onLatest: OnLatest): void =>
  requests.send(`$JS.API.DIRECT.GET.${stream}.${subject}`, nothing, undefined, (failure, message) => {
    if (failure !== undefined) return onLatest(failure.reason, undefined)
    const headers = message!.headers
    if (headers?.code === 404) return onLatest(undefined, undefined)
    if (headers === undefined || headers.code !== 0)
      return onLatest(headers?.description ?? "no headers", undefined)
    onLatest(undefined, {
      sequence: Number(headers.get("Nats-Sequence")),
      data: plain(message!.data),
      storedAt: Date.parse(headers.get("Nats-Time-Stamp")),
      messageId: headers.get("Nats-Msg-Id"),
    })
  })

interface StoredMessage {
  readonly message: {
    readonly seq: number
    readonly data?: string
    readonly hdrs?: string
    readonly time: string
  }
}

const readFromLeader = (requests: Requests, stream: string, subject: string, onLatest: OnLatest): void =>
  callApi<StoredMessage>(
    requests,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    { last_by_subj: subject },
    (error, reply) => {
      if (error?.errorCode === errorCodes.messageNotFound) return onLatest(undefined, undefined)
      if (error !== undefined) return onLatest(error.detail, undefined)
      const { seq, data, hdrs, time } = reply!.message
      const headers = hdrs === undefined ? "" : Buffer.from(hdrs, "base64").toString("utf8")
      onLatest(undefined, {
        sequence: seq,
        data: plain(Buffer.from(data ?? "", "base64")),
        storedAt: Date.parse(time),
        messageId: /^Nats-Msg-Id: ?(.*)$/m.exec(headers)?.[1]?.trim() ?? "",
      })
    },
  )

/** Node's buffers differ from plain arrays in `slice` and in equality: nobody outside should have to know. */
export const plain = (data: Uint8Array): Uint8Array =>
  data.constructor === Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
