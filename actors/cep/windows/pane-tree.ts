/**
 * Merges of neighbouring panes in a binary tree over their ring, so that a window of many panes is a few of them. What
 * has changed is merged again when it is asked for. Only places that follow each other without a turn of the ring are
 * ever asked for together. A node is over places that begin at a multiple of their number, and so the same in each ring that
 * is large enough: what a merge comes to does not depend on the ring's room.
 * Source: Tangwongsan et al., General Incremental Sliding-Window Aggregation, VLDB 2015.
 */
import type { Columns } from "./columns.ts"

/** With fewer panes than this merging them one by one is as fast. */
export const treePanesMin = 16

export class PaneTree {
  private readonly columns: Columns
  /** Of the panes: rows with their start before the columns. */
  private readonly panes: Float64Array
  private readonly count: number
  /** Node 1 is over all; below node n are 2n and 2n + 1, and from `count` on they are the panes. */
  private readonly rows: Float64Array
  private readonly isStale: Uint8Array

  constructor(columns: Columns, panes: Float64Array) {
    this.columns = columns
    this.panes = panes
    this.count = panes.length / (1 + columns.width)
    this.rows = new Float64Array(this.count * columns.width)
    this.isStale = new Uint8Array(this.count).fill(1)
  }

  get byteLength(): number {
    return 250 + this.rows.byteLength + this.isStale.byteLength
  }

  /** A pane has changed. */
  touch(place: number): void {
    for (let node = (this.count + place) >> 1; node >= 1 && this.isStale[node] === 0; node >>= 1)
      this.isStale[node] = 1
  }

  touchAll(): void {
    this.isStale.fill(1)
  }

  /** Adds the panes at places of the ring from `from` on and before `to` to `into`. */
  merge(into: Float64Array, from: number, to: number): void {
    this.visit(into, from, to, 1, 0, this.count)
  }

  private visit(into: Float64Array, from: number, to: number, node: number, low: number, span: number): void {
    if (from >= low + span || to <= low) return
    if (from <= low && to >= low + span) this.mergeNode(into, 0, node)
    else {
      const half = span >> 1
      this.visit(into, from, to, 2 * node, low, half)
      this.visit(into, from, to, 2 * node + 1, low + half, half)
    }
  }

  private mergeNode(into: Float64Array, intoBase: number, node: number): void {
    const { columns } = this
    const { width } = columns
    if (node >= this.count) columns.merge(into, intoBase, this.panes, (node - this.count) * (1 + width) + 1)
    else {
      if (this.isStale[node] === 1) this.renew(node)
      columns.merge(into, intoBase, this.rows, node * width)
    }
  }

  private renew(node: number): void {
    const base = node * this.columns.width
    this.columns.clear(this.rows, base)
    this.mergeNode(this.rows, base, 2 * node)
    this.mergeNode(this.rows, base, 2 * node + 1)
    this.isStale[node] = 0
  }
}
