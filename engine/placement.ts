/**
 * Which node should own which partition: every node tells that it lives, and each computes the same shares from who it
 * hears. Views may differ for a while; that costs a lost append and never a forked journal.
 */
import * as Address from "./address.ts"

/** What a node tells about itself several times a second. */
export interface Beat {
  readonly node: string
  readonly owned: ReadonlyArray<number>
  readonly halted: ReadonlyArray<number>
  readonly leaving: boolean
}

/**
 * Shares out partitions: rendezvous hashing with every node bounded to its fair share, so that few partitions move when
 * a node comes or goes and none gets more than ⌈P/N⌉. Source: Thaler & Ravishankar 1998; bounded loads, Mirrokni 2018.
 */
export const shares = (
  nodes: ReadonlyArray<string>,
  partitions: number,
): ReadonlyArray<string | undefined> => {
  const sorted = [...nodes].sort()
  const capacity = sorted.length === 0 ? 0 : Math.ceil(partitions / sorted.length)
  const load = new Map(sorted.map((node) => [node, 0]))
  return Array.from({ length: partitions }, (_, partition) => {
    let best: string | undefined
    let bestScore = -1
    for (const node of sorted) {
      if (load.get(node)! >= capacity) continue
      const score = Address.partitionOf(`${node}\n${partition}`, 0x7fffffff)
      if (score > bestScore) {
        best = node
        bestScore = score
      }
    }
    if (best !== undefined) load.set(best, load.get(best)! + 1)
    return best
  })
}

/** Who is alive as far as this node heard. */
export class Membership {
  private readonly heard = new Map<string, { readonly beat: Beat; readonly at: number }>()
  private readonly self: string
  private readonly suspectAfterMs: number

  constructor(self: string, suspectAfterMs: number) {
    this.self = self
    this.suspectAfterMs = suspectAfterMs
  }

  /** Takes a beat; true when it says something else than the last one of its node. */
  hear(beat: Beat, now: number): boolean {
    if (beat.node === this.self) return false
    const before = this.heard.get(beat.node)?.beat
    this.heard.set(beat.node, { beat, at: now })
    return before?.leaving !== beat.leaving || before.owned.join() !== beat.owned.join()
  }

  /** Forgets whoever fell silent; call before reading. */
  expire(now: number): void {
    for (const [node, { at, beat }] of this.heard) {
      if (now - at > this.suspectAfterMs || (beat.leaving && beat.owned.length === 0)) this.heard.delete(node)
    }
  }

  /** After this node itself was away, what it heard before means nothing. */
  forgetAll(): void {
    this.heard.clear()
  }

  others(): ReadonlyArray<Beat> {
    return [...this.heard.values()].map(({ beat }) => beat)
  }

  /** Who may own partitions: all that live and do not leave. */
  eligible(selfLeaving: boolean): ReadonlyArray<string> {
    const nodes = this.others().flatMap((beat) => (beat.leaving ? [] : [beat.node]))
    return selfLeaving ? nodes : [this.self, ...nodes]
  }
}
