/**
 * What plans of aggregates have in common is in memory once: groups read it with each of their items, and what thousands of
 * rules have of their own is cold each time.
 */

/** As many are kept to be shared; who has one goes on with it when it is forgotten. */
const keptMax = 1_000

/** Makes one for each key. Gotcha: it must not depend on anything else, and nobody may change it. */
export const sharing = <A>() => {
  const kept = new Map<string, A>()
  return (key: string, make: () => A): A => {
    const known = kept.get(key)
    if (known !== undefined) return known
    const made = make()
    kept.set(key, made)
    if (kept.size > keptMax) kept.delete(kept.keys().next().value!)
    return made
  }
}
