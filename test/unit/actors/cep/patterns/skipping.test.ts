import { expect, it } from "vitest"
import { itemsOf, matchesOf } from "./cases.ts"
import {
  any,
  consecutive,
  found,
  greedy,
  group,
  more,
  next,
  opt,
  type Row,
  type Stage,
  s,
  times,
} from "./stages.ts"

const composed: ReadonlyArray<Row> = [
  ["any_of", [{ name: "x", any_of: [s("a"), s("b")] } as Stage, s("c")], "b1 c1 a1 c2", ["a1 c2", "b1 c1"]],
  [
    "all_of in any order",
    [{ name: "x", all_of: [s("a"), s("b")] } as Stage, s("c")],
    "b1 a1 a2 c1",
    ["b1 a1 c1"],
  ],
  [
    "all_of takes the first of each",
    [{ name: "x", all_of: [s("a"), s("b"), s("c")] } as Stage],
    "a1 a2 c1 b1",
    ["a1 c1 b1", "a2 c1 b1"],
  ],
  [
    "a group is one stage",
    [s("c"), group([s("a"), s("b")], times(2)), s("d")],
    "c1 a1 b1 a2 b2 d1",
    ["c1 a1 b1 a2 b2 d1"],
  ],
  [
    "an optional group",
    [s("c"), group([s("a"), s("b")], opt), s("d")],
    "c1 a1 a2 b1 d1",
    ["c1 a1 b1 d1", "c1 d1"],
  ],
  [
    "a group that is begun and not finished",
    [s("c"), group([s("a"), s("b")], { ...times(2), ...opt }), s("d")],
    "c1 a1 d1",
    ["c1 d1"],
  ],
  [
    "a group, one or more",
    [s("c"), group([s("a"), s("b")], more), s("d")],
    "c1 a1 b1 a2 b2 d1",
    ["c1 a1 b1 a2 b2 d1", "c1 a1 b1 d1"],
  ],
  [
    "a group, consecutive",
    [group([s("a"), s("b")], { ...times(2), ...consecutive })],
    "a1 b1 c1 a2 b2 a3 b3",
    ["a2 b2 a3 b3"],
  ],
  [
    "a repetition within a group",
    [group([s("a"), s("b", { ...more, ...greedy })], times(2)), s("c")],
    "a1 b1 b2 a2 b3 c1",
    ["a1 b1 b2 a2 b3 c1"],
  ],
]

it.each(composed)("%s", (_, stages, stream, matches) => {
  expect(found(stages, stream).toSorted()).toEqual(matches.toSorted())
})

const skip = (type: string, stage?: string) =>
  ({ after_match: { type, ...(stage === undefined ? {} : { stage }) } }) as never
const strictRun = [s("b", { ...more, ...consecutive }), s("c", next)]
const overlapping = [
  s("abc", { name: "x" }),
  s("bc", { ...next, name: "y" }),
  s("c", { ...more, ...next, ...consecutive, ...greedy }),
  s("d", next),
]

it.each([
  ["no_skip", strictRun, "b1 b2 b3 c1", skip("no_skip"), ["b1 b2 b3 c1", "b2 b3 c1", "b3 c1"]],
  ["skip_to_next", strictRun, "b1 b2 b3 c1", skip("skip_to_next"), ["b1 b2 b3 c1", "b2 b3 c1", "b3 c1"]],
  ["skip_past_last_event", strictRun, "b1 b2 b3 c1", skip("skip_past_last_event"), ["b1 b2 b3 c1"]],
  [
    "skip_to_first",
    strictRun,
    "b1 b2 b3 c1",
    skip("skip_to_first", "b"),
    ["b1 b2 b3 c1", "b2 b3 c1", "b3 c1"],
  ],
  ["skip_to_last", strictRun, "b1 b2 b3 c1", skip("skip_to_last", "b"), ["b1 b2 b3 c1", "b3 c1"]],
  [
    "overlapping, no_skip",
    overlapping,
    "a1 b1 c1 c2 c3 d1",
    skip("no_skip"),
    ["a1 b1 c1 c2 c3 d1", "b1 c1 c2 c3 d1", "c1 c2 c3 d1"],
  ],
  [
    "overlapping, skip_to_first",
    overlapping,
    "a1 b1 c1 c2 c3 d1",
    skip("skip_to_first", "c"),
    ["a1 b1 c1 c2 c3 d1", "c1 c2 c3 d1"],
  ],
  [
    "a repetition at the end, no_skip",
    [s("a"), s("b", more)],
    "a1 b1 b2 b3",
    skip("no_skip"),
    ["a1 b1", "a1 b1 b2", "a1 b1 b2 b3"],
  ],
  [
    "a repetition at the end, skip_to_next",
    [s("a"), s("b", more)],
    "a1 b1 b2 b3",
    skip("skip_to_next"),
    ["a1 b1"],
  ],
  ["each beginning once", [s("a"), s("b", any)], "a1 b1 a2 b2", skip("skip_to_next"), ["a1 b1", "a2 b2"]],
  [
    "runs of three",
    [s("a", times(3))],
    "a1 a2 a3 a4 a5 a6",
    skip("skip_past_last_event"),
    ["a1 a2 a3", "a4 a5 a6"],
  ],
  [
    "the one that takes earlier items is told",
    [s("a"), s("b", any), s("c", any), s("d")],
    "a1 a2 b1 b2 c1 c2 d1 d2",
    skip("skip_past_last_event"),
    ["a1 b1 c1 d1"],
  ],
  [
    "what broke off does not hold up",
    [s("a"), s("b", next)],
    "a1 c1 a2 b2",
    skip("skip_past_last_event"),
    ["a2 b2"],
  ],
  [
    "to the first of the second stage",
    [s("ab", times(2)), s("b", { ...times(2), ...next })],
    "b1 b2 b3 b4 b5 b6",
    skip("skip_to_first", "b"),
    ["b1 b2 b3 b4", "b3 b4 b5 b6"],
  ],
  [
    "to the last of the second stage",
    [s("ab", times(2)), s("b", { ...times(2), ...next })],
    "b1 b2 b3 b4 b5 b6 b7",
    skip("skip_to_last", "b"),
    ["b1 b2 b3 b4", "b4 b5 b6 b7"],
  ],
  [
    "to a stage that took nothing: no skip",
    [s("a"), s("b", { ...more, ...opt, ...consecutive, ...next }), s("c", next)],
    "a1 c1",
    skip("skip_to_first", "b"),
    ["a1 c1"],
  ],
  [
    "to the first of a repetition at the end",
    [s("a"), s("b", { ...more, ...next, ...consecutive })],
    "a1 b1 a2 b2 b3 a3 b4",
    skip("skip_to_first", "b"),
    ["a1 b1", "a2 b2", "a3 b4"],
  ],
  [
    "by default one match per episode",
    strictRun,
    "b1 b2 c1 b3 c2",
    { after_match: undefined },
    ["b1 b2 c1", "b3 c2"],
  ],
] as const)("after a match: %s", (_, stages, stream, rest, matches) => {
  const document = JSON.parse(JSON.stringify({ stages, ...(rest as object) }))
  expect(matchesOf(document, itemsOf(stream))).toEqual(matches)
})
