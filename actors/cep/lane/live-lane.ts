/** A lane at work, as others of its node see it. */
import type { Evaluator } from "../evaluator.ts"
import type { LatencyFigures } from "./latency.ts"
import type { ReceiverFigures } from "./outlet.ts"

export interface LiveLane {
  readonly lane: number
  readonly evaluator: Evaluator
  readonly figures: () => LaneFigures
}

export interface LaneFigures {
  /** Sequence of the last message that was taken, and of the last one that a checkpoint covers. */
  readonly sequence: number
  readonly checkpoint: number
  readonly items: number
  readonly messages: number
  readonly damaged: number
  readonly lagMessages: number
  readonly lagMs: number
  readonly outputs: number
  readonly outputsWaiting: number
  readonly outputsLost: number
  /** Sequences that had left the stream before this lane could read them. */
  readonly missed: number
  readonly checkpoints: number
  readonly stateBytes: number
  /** Of the last checkpoint: how long evaluation stood still at most, and how long it took until it was durable. */
  readonly pauseMs: number
  readonly checkpointMs: number
  readonly rules: number
  /** Evaluation stands still until receivers have taken some of the outputs that wait. */
  readonly isHeldUp: boolean
  /** For whom the most outputs wait, those first. */
  readonly receivers: ReadonlyArray<ReceiverFigures>
  /** From when messages were stored until they were evaluated, over the last minutes. */
  readonly latency?: LatencyFigures
  /** What the evaluation of a sample or event takes of this process, with all rules that it concerns. */
  readonly microsPerItem: number
  /** Changes that wait until the past of their rules is made up for. */
  readonly filling: number
}
