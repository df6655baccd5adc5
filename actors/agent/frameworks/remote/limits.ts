/** Every bound of calls to agents that run elsewhere, with its unit. */
import { answerTimeoutMs } from "../../question.ts"

export const remoteLimits = {
  /** From the question to the answer's end, over all tries; for agents whose settings say nothing. */
  timeoutMs: 60_000,
  /** An answer that ran into the activity's own bound would be asked for again. */
  timeoutMsMax: answerTimeoutMs - 5_000,
  /** Further tries; for agents whose settings say nothing. */
  retriesMax: 2,
  retryBaseMs: 250,
  retryMaxMs: 8_000,
  /** An agent that asks for a longer pause is given up at once. */
  retryAfterMaxMs: 10_000,
  /** Bytes of one answer. Its text has its own, smaller bound. */
  answerBytesMax: 16 * 1024 * 1024,
  /** Characters and lines of one event of a streamed answer. */
  eventCharactersMax: 1024 * 1024,
  eventLinesMax: 64,
  /** Bytes that are read of the body of a refusal, and characters of it that are told. */
  refusalBytesMax: 4_096,
  quotedMax: 200,
  /** Steps of the agent's work (thoughts, actions, observations) that are traced in one answer. */
  stepsTracedMax: 64,
  /** Characters of structured data that come along with an answer; more than that is left out. */
  blockCharactersMax: 16_000,
  /** Bytes of a file that comes along itself, and characters of a file's address; what is larger is left out. */
  fileBytesMax: 12_000,
  fileUrlCharactersMax: 2_000,
  /** After an answer's last word until its connection ends too, and so can serve the next one. */
  endWaitMs: 100,
  /** A check whether the agent is there. */
  checkMs: 10_000,
} as const
