/**
 * The states of one alert: inactive → pending → firing → resolved, and beside them no_data and error. It is told what the
 * condition came to and that time passed, always in order of event time, and tells what became of it.
 *
 * I1 Pending fires once its condition held for `for` by event time, whether or not another item came, never in a cooldown.
 * I2 What fires ends only by its clear condition, missing data, an error or a change of the rule, and after keep_firing_for.
 * I3 A state that is not left is not told again.
 */
import type { Transition } from "../../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Program } from "../rule/program.ts"

export type State = Transition["to"]
export type Cause = Transition["cause"]
type MissingState = NonNullable<Program["missing"]>["state"]

/** Hears each change of state. The life has changed already when it is told. */
export interface Listener {
  readonly tell: (to: State, cause: Cause, at: number, detail?: string) => void
}

const states: ReadonlyArray<State> = ["inactive", "pending", "firing", "resolved", "no_data", "error"]

export class AlertLife {
  state: State = "inactive"
  /** Event time: since when it is in its state, but for `resolved`: since when it fired. */
  since = Number.NaN
  /** Event time of the last change. */
  at = Number.NaN
  /** Event time at which it changes when nothing else comes. */
  due = Number.POSITIVE_INFINITY
  private cooldownUntil = Number.NEGATIVE_INFINITY
  /** Whether it fired when an error came over it. */
  private fired = false
  private readonly listener: Listener

  constructor(listener: Listener) {
    this.listener = listener
  }

  /** Nothing is known of it that would be lost with it. */
  isQuiet(at: number): boolean {
    return (this.state === "inactive" || this.state === "resolved") && at >= this.cooldownUntil
  }

  /** Of a pattern: it does not come from a match, which would end by itself. */
  get isWithoutEnd(): boolean {
    const isFiring = this.state === "firing" && this.due === Number.POSITIVE_INFINITY
    return isFiring || this.state === "no_data" || this.state === "error"
  }

  /** The condition was evaluated. `clears`: it ends what fires. */
  judge(program: Program, holds: boolean, clears: boolean, at: number): void {
    switch (this.state) {
      case "inactive":
      case "resolved":
        if (holds) this.begin(program, at)
        return
      case "pending":
        if (!holds) this.enter("inactive", "condition", at)
        else if (at >= this.due) this.fire("condition", at)
        return
      case "firing":
        if (holds) this.due = Number.POSITIVE_INFINITY
        else if (clears) this.clear(program, at)
        return
      case "no_data":
        if (holds) this.begin(program, at)
        else this.resolve(program, "condition", at)
        return
      case "error":
        if (!holds) this.resolve(program, "condition", at)
        else if (this.fired) this.fire("condition", at)
        else this.begin(program, at)
        return
    }
  }

  /** A pattern matched: it fires until nothing matched for keep_firing_for. */
  match(program: Program, at: number): void {
    if (this.state !== "firing") {
      if (at < this.cooldownUntil) return
      this.fire("condition", at)
    }
    this.due = Math.max(this.due === Number.POSITIVE_INFINITY ? at : this.due, at + program.keepFiringMs)
  }

  /** Of a rule without states: it matched. */
  strike(program: Program, at: number): void {
    if (at < this.cooldownUntil) return
    this.cooldownUntil = at + program.cooldownMs
    this.since = at
    this.at = at
    this.listener.tell("firing", "matched", at)
  }

  /** Event time has reached `due`. */
  pass(program: Program): void {
    const at = this.due
    this.due = Number.POSITIVE_INFINITY
    if (this.state === "pending") this.fire("condition", at)
    else if (this.state === "firing") this.resolve(program, "condition", at)
  }

  /** Nothing came for as long as the rule's author allows. */
  miss(program: Program, becomes: MissingState, at: number): void {
    if (becomes === "no_data" && this.state !== "no_data") this.enter("no_data", "missing_data", at)
    if (becomes === "firing" && this.state !== "firing") this.fire("missing_data", at)
    if (becomes === "resolved") this.end(program, "missing_data", at)
  }

  /** The condition could not be evaluated. */
  fail(becomes: Program["onError"], at: number, detail: string): void {
    if (becomes === "error" && this.state !== "error") {
      this.fired = this.state === "firing"
      this.enter("error", "error", at, detail)
    }
    if (becomes === "firing" && this.state !== "firing") this.fire("error", at, detail)
  }

  /** Whatever it is, it is over. */
  end(program: Program, cause: Cause, at: number): void {
    if (this.state === "pending") this.enter("inactive", cause, at)
    else if (this.state === "firing" || this.state === "error" || this.state === "no_data")
      this.resolve(program, cause, at)
  }

  private begin(program: Program, at: number): void {
    const due = Math.max(at + program.forMs, this.cooldownUntil)
    if (at >= due) this.fire("condition", at)
    else {
      this.enter("pending", "condition", at)
      this.due = due
    }
  }

  private clear(program: Program, at: number): void {
    if (program.keepFiringMs === 0) this.resolve(program, "condition", at)
    else if (this.due === Number.POSITIVE_INFINITY) this.due = at + program.keepFiringMs
  }

  private fire(cause: Cause, at: number, detail?: string): void {
    this.enter("firing", cause, at, detail)
  }

  private resolve(program: Program, cause: Cause, at: number): void {
    const since = this.since
    this.cooldownUntil = at + program.cooldownMs
    this.state = "resolved"
    this.due = Number.POSITIVE_INFINITY
    this.since = since
    this.at = at
    this.listener.tell("resolved", cause, at)
  }

  private enter(state: State, cause: Cause, at: number, detail?: string): void {
    this.state = state
    this.due = Number.POSITIVE_INFINITY
    this.since = at
    this.at = at
    this.listener.tell(state, cause, at, detail)
  }

  encode(writer: ByteWriter): void {
    writer.byte(states.indexOf(this.state) + (this.fired ? 16 : 0))
    writer.number(this.since)
    writer.number(this.at)
    writer.number(this.due)
    writer.number(this.cooldownUntil)
  }

  read(reader: ByteReader): void {
    const state = reader.byte()
    this.state = states[state % 16]!
    this.fired = state >= 16
    this.since = reader.number()
    this.at = reader.number()
    this.due = reader.number()
    this.cooldownUntil = reader.number()
  }
}
