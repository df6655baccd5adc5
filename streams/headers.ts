/** Message headers in NATS's wire form, written by hand: the client's header map costs more than the publish. */
import type { MsgHdrs } from "@nats-io/transport-node"

const encoder = new TextEncoder()

/** `lines` are `Name: value\r\n`, already free of line breaks inside values. */
class HeaderBlock {
  readonly lines: string
  constructor(lines: string) {
    this.lines = lines
  }
  encode(): Uint8Array {
    return encoder.encode(`NATS/1.0\r\n${this.lines}\r\n`)
  }
}

/** The client only calls `encode` on what it is given to publish. */
export const headerBlock = (lines: string): MsgHdrs => new HeaderBlock(lines) as unknown as MsgHdrs

export const messageId = (id: string): string => `Nats-Msg-Id: ${encodeURIComponent(id)}\r\n`

export const expectedLastSubjectSequence = (sequence: number): string =>
  `Nats-Expected-Last-Subject-Sequence: ${sequence}\r\n`

/** `sequence` counts from 1 within the batch. */
export const batchPosition = (batch: string, sequence: number, commit: boolean): string =>
  `Nats-Batch-Id: ${batch}\r\nNats-Batch-Sequence: ${sequence}\r\n${commit ? "Nats-Batch-Commit: 1\r\n" : ""}`
