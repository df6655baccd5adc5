/**
 * The numbers of a condition, apart from what is done with them: conditions that differ in their numbers alone share
 * their closures. Thousands of rules say the same about different limits; closures of their own would be thousands of
 * places of memory that are cold each time.
 */
import type { Node } from "./tree.ts"

/** Those of the condition that is being evaluated. Evaluation is never interrupted: one condition at a time. */
let numbers: ReadonlyArray<number> = []

export const useNumbers = (of: ReadonlyArray<number>): void => {
  numbers = of
}

export const numberAt = (index: number): number => numbers[index]!

/** Takes numbers out of one condition while it is compiled. What is not taken stays in the closures. */
export class Parameters {
  private readonly places = new Map<Node, number>()

  /** Where the number of this node will be found. */
  take(node: Node): number {
    const place = this.places.get(node) ?? this.places.size
    this.places.set(node, place)
    return place
  }

  has(node: Node): boolean {
    return this.places.has(node)
  }

  /** In the order of their places; the same for conditions that are printed alike without their numbers. */
  values(): ReadonlyArray<number> {
    // Begins as an array of doubles and stays one, whole numbers or not: what reads it reads one kind of array.
    const values = [0.5]
    values.pop()
    for (const { args } of this.places.keys()) values.push(Number(args))
    return values
  }
}
