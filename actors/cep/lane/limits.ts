/** Every bound of the lanes, with its unit and default. */

export interface LaneLimits {
  /** How soon a node notices that it got or lost a partition, and with it the lane. */
  readonly followMs: number
  /** A lane that was lost to another node is not claimed again before this time, if its partition is still here then. */
  readonly lostPauseMs: number
  /** A lane that stops is begun again after `lostPauseMs`, each time after twice as long, up to this. */
  readonly stoppedPauseMsMax: number
  /** After so long without stopping a lane is well. */
  readonly steadyMs: number
  /** Samples and events that are evaluated before others of this process get their turn: some milliseconds. */
  readonly sliceItems: number
  /**
   * A checkpoint is taken after this time when anything came, and after so many messages; but its making takes at most one
   * part in `checkpointShare` of the time.
   */
  readonly checkpointEveryMs: number
  readonly checkpointMessages: number
  readonly checkpointShare: number
  /** Bytes of a state that are written or read before others get their turn: some milliseconds. */
  readonly captureSliceBytes: number
  /** Outputs that wait for their receivers; evaluation pauses above it. */
  readonly outputsMax: number
  /** The same for their characters, as JSON. */
  readonly outputCharactersMax: number
  /** Commands and messages with outputs on their way at one time; one per receiver, so that each has them in order. */
  readonly deliveriesMax: number
  /** Characters of transitions in one command, as JSON; well below what a command may have. */
  readonly commandCharactersMax: number
  readonly retryMs: number
  readonly retryMsMax: number
  /** How long a lane that is handed over waits for the receivers of its last outputs. */
  readonly drainMs: number
  /** How exactly a lane notices that time passed which something in it waits for. */
  readonly tickEveryMs: number
  /** Sequences of the stream that are read, at most, to fill a rule that begins anew. */
  readonly historySequencesMax: number
  /** Tenants whose rules are filled at one time beside a lane. */
  readonly fillsMax: number
  /** With no more messages to go the rules count as filled; after so many rounds also with more. */
  readonly fillNearMessages: number
  readonly fillRoundsMax: number
  /** Who changes a rule waits this long at most until the change counts. */
  readonly countsMs: number
  /** How often it asks: first, and at most. */
  readonly countsPollMs: number
  readonly countsPollMsMax: number
  /** How long a question about a rule waits for the node that has its lane. */
  readonly reportMs: number
  /** Groups in one report, and their characters as JSON: it has to fit into one message between nodes. */
  readonly reportGroupsMax: number
  readonly reportCharactersMax: number
  /** Rules that are told at one time to enter their lane again. */
  readonly enteringAtOnce: number
}

export const laneDefaults: LaneLimits = {
  followMs: 100,
  lostPauseMs: 2_000,
  stoppedPauseMsMax: 60_000,
  steadyMs: 60_000,
  sliceItems: 2_000,
  checkpointEveryMs: 5_000,
  checkpointMessages: 20_000,
  checkpointShare: 20,
  captureSliceBytes: 64 * 1024,
  outputsMax: 20_000,
  outputCharactersMax: 32 * 1024 * 1024,
  deliveriesMax: 16,
  commandCharactersMax: 64 * 1024,
  retryMs: 100,
  retryMsMax: 5_000,
  drainMs: 5_000,
  tickEveryMs: 1_000,
  historySequencesMax: 200_000,
  fillsMax: 4,
  fillNearMessages: 64,
  fillRoundsMax: 8,
  countsMs: 3_000,
  countsPollMs: 4,
  countsPollMsMax: 250,
  reportMs: 1_000,
  reportGroupsMax: 1_000,
  reportCharactersMax: 256 * 1024,
  enteringAtOnce: 16,
}
