/**
 * Reads a publish acknowledgement. The good case is scanned for its sequence without building an object;
 * everything else is parsed as JSON and mapped to what it means for the caller.
 */
export type PublishFailure =
  /** Compare-and-set lost: nothing was stored. */
  | { readonly kind: "conflict" }
  /** A limit is reached: nothing was stored. */
  | { readonly kind: "full"; readonly detail: string; readonly tooLarge?: true }
  /** Nothing was stored, for a reason that is about to pass or that another form of asking avoids. */
  | { readonly kind: "undecided"; readonly detail: string }
  /** May or may not have been stored. */
  | { readonly kind: "unavailable"; readonly detail: string }

export type Acknowledgement =
  | { readonly sequence: number; readonly failure: undefined }
  | { readonly sequence: undefined; readonly failure: PublishFailure }

/** Source: nats-server `errors.json`, the same numbers in 2.9, 2.10 and 2.15. */
export const errorCodes = {
  accountResourcesExceeded: 10_002,
  insufficientResources: 10_023,
  memoryResourcesExceeded: 10_028,
  messageNotFound: 10_037,
  notEnabledForAccount: 10_039,
  storageResourcesExceeded: 10_047,
  invalidStreamConfig: 10_052,
  messageTooLarge: 10_054,
  streamNameInUse: 10_058,
  streamNotFound: 10_059,
  subjectsOverlap: 10_065,
  wrongLastSequence: 10_071,
  replicasNotSupported: 10_074,
  notEnabled: 10_076,
  storeFailed: 10_077,
  duplicateInFlight: 10_158,
  lastSequenceUnavailable: 10_163,
  subjectInFlight: 10_164,
  batchIncomplete: 10_176,
  batchTooLarge: 10_199,
  batchHoldsDuplicate: 10_201,
  tooManyBatches: 10_210,
} as const

const full = new Set<number>([
  errorCodes.accountResourcesExceeded,
  errorCodes.insufficientResources,
  errorCodes.memoryResourcesExceeded,
  errorCodes.storageResourcesExceeded,
])

const undecided = new Set<number>([
  errorCodes.duplicateInFlight,
  errorCodes.lastSequenceUnavailable,
  errorCodes.subjectInFlight,
  errorCodes.batchIncomplete,
  errorCodes.batchTooLarge,
  errorCodes.batchHoldsDuplicate,
  errorCodes.tooManyBatches,
])

const decoder = new TextDecoder()
const marker = [...'"seq":'].map((character) => character.charCodeAt(0))
const quote = 0x22
const e = 0x65

export const readAcknowledgement = (data: Uint8Array): Acknowledgement => {
  // `{"error":…` or `{"stream":"NAME", "seq":5}`: the third byte tells them apart.
  if (data.length > 2 && data[2] !== e) {
    const sequence = scanSequence(data)
    if (sequence > 0) return { sequence, failure: undefined }
  }
  return { sequence: undefined, failure: readFailure(data) }
}

const scanSequence = (data: Uint8Array): number => {
  for (let at = data.indexOf(quote, 12); at >= 0; at = data.indexOf(quote, at + 1)) {
    if (!marker.every((byte, offset) => data[at + offset] === byte)) continue
    let value = 0
    for (let index = at + marker.length; index < data.length; index++) {
      const digit = data[index]! - 0x30
      if (digit < 0 || digit > 9) {
        if (value > 0) break
        continue
      }
      value = value * 10 + digit
    }
    return value
  }
  return 0
}

const readFailure = (data: Uint8Array): PublishFailure => {
  const text = decoder.decode(data)
  let error: { err_code?: number; description?: string } | undefined
  try {
    error = JSON.parse(text).error
  } catch {
    error = undefined
  }
  const code = error?.err_code ?? 0
  const detail = `${error?.description ?? text} (${code})`
  if (code === errorCodes.wrongLastSequence) return { kind: "conflict" }
  if (undecided.has(code)) return { kind: "undecided", detail }
  if (code === errorCodes.messageTooLarge) return { kind: "full", detail, tooLarge: true }
  if (full.has(code)) return { kind: "full", detail }
  // "maximum messages exceeded", "maximum bytes exceeded", "maximum messages per subject exceeded", "… too large"
  if (code === errorCodes.storeFailed && /too large/.test(detail))
    return { kind: "full", detail, tooLarge: true }
  if (code === errorCodes.storeFailed && detail.startsWith("maximum ")) return { kind: "full", detail }
  return { kind: "unavailable", detail }
}
