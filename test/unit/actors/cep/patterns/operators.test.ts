import { expect, it } from "vitest"
import {
  any,
  combined,
  consecutive,
  found,
  greedy,
  more,
  next,
  not,
  opt,
  type Row,
  s,
  times,
} from "./stages.ts"

const contiguity: ReadonlyArray<Row> = [
  ["next: nothing in between", [s("a"), s("b", next)], "a1 c1 b1 b2", []],
  ["next: at once", [s("a"), s("b", next)], "a1 b1 b2", ["a1 b1"]],
  ["followed_by: the first that does", [s("a"), s("b")], "a1 c1 b1 b2", ["a1 b1"]],
  ["followed_by_any: each that does", [s("a"), s("b", any)], "a1 c1 b1 b2", ["a1 b1", "a1 b2"]],
  ["each item that does begins a match", [s("a"), s("b")], "a1 a2 b1", ["a1 b1", "a2 b1"]],
  [
    "one item can be the end of one and the beginning of another",
    [s("ab"), s("b", { name: "x" })],
    "a1 b1 b2",
    ["a1 b1", "b1 b2"],
  ],
]

const repetition: ReadonlyArray<Row> = [
  [
    "one or more, consecutive, all strict",
    [s("a"), s("b", { ...more, ...any, ...consecutive }), s("c", next)],
    "a1 b1 d1 b2 d2 b3 c1",
    ["a1 b3 c1"],
  ],
  [
    "one or more, relaxed",
    [s("a"), s("b", { ...more, ...any }), s("c")],
    "a1 b1 d1 b2 d2 b3 c1",
    ["a1 b1 b2 b3 c1", "a1 b1 b2 c1", "a1 b1 c1", "a1 b2 b3 c1", "a1 b2 c1", "a1 b3 c1"],
  ],
  [
    "one or more, any combination",
    [s("a"), s("b", { ...more, ...any, ...combined }), s("c")],
    "a1 b1 d1 b2 d2 b3 c1",
    ["a1 b1 b2 b3 c1", "a1 b1 b2 c1", "a1 b1 b3 c1", "a1 b1 c1", "a1 b2 b3 c1", "a1 b2 c1", "a1 b3 c1"],
  ],
  [
    "consecutive ends at the first other item",
    [s("c"), s("a", { ...more, ...consecutive }), s("b")],
    "c1 d1 a1 a2 a3 d2 a4 b1",
    ["c1 a1 a2 a3 b1", "c1 a1 a2 b1", "c1 a1 b1"],
  ],
  [
    "relaxed goes on after it",
    [s("c"), s("a", more), s("b")],
    "c1 d1 a1 a2 a3 d2 a4 b1",
    ["c1 a1 a2 a3 a4 b1", "c1 a1 a2 a3 b1", "c1 a1 a2 b1", "c1 a1 b1"],
  ],
  [
    "exactly so often",
    [s("a", times(3))],
    "a1 a2 a3 a4 a5 a6",
    ["a1 a2 a3", "a2 a3 a4", "a3 a4 a5", "a4 a5 a6"],
  ],
  [
    "from so often to so often",
    [s("c"), s("a", { ...times(1, 3), ...next, ...combined }), s("b")],
    "c1 a1 a2 a3 b1",
    ["c1 a1 a2 a3 b1", "c1 a1 a2 b1", "c1 a1 a3 b1", "c1 a1 b1"],
  ],
  [
    "from zero",
    [s("c"), s("a", { ...times(0, 2), ...next, ...combined }), s("b")],
    "c1 a1 a2 a3 b1",
    ["c1 a1 a2 b1", "c1 a1 a3 b1", "c1 a1 b1", "c1 b1"],
  ],
  ["so often or not at all", [s("c"), s("a", { ...times(2), ...opt }), s("b")], "c1 a1 b1", ["c1 b1"]],
  [
    "consecutive and optional",
    [s("c"), s("a", { ...times(0, 3), ...any, ...consecutive }), s("b")],
    "c1 f1 a1 f2 a2 a3 b1",
    ["c1 a1 b1", "c1 a2 a3 b1", "c1 a2 b1", "c1 a3 b1", "c1 b1"],
  ],
  [
    "at the end each repetition is a match",
    [s("a"), s("b", { ...next, ...more })],
    "a1 b1 b2 b3",
    ["a1 b1", "a1 b1 b2", "a1 b1 b2 b3"],
  ],
  ["optional", [s("a"), s("b", opt), s("c")], "a1 b1 c1", ["a1 b1 c1", "a1 c1"]],
  ["optional at the beginning", [s("a", opt), s("b")], "a1 b1", ["a1 b1", "b1"]],
  ["optional at the end", [s("a"), s("b", opt)], "a1 b1", ["a1", "a1 b1"]],
  [
    "skipping an optional stage asks for what the next one asks",
    [s("a"), s("b", opt), s("c", next)],
    "a1 d1 c1",
    [],
  ],
]

const greedily: ReadonlyArray<Row> = [
  [
    "greedy takes all",
    [s("c"), s("a", { ...more, ...opt, ...greedy }), s("d")],
    "c1 a1 a2 a3 d1",
    ["c1 a1 a2 a3 d1"],
  ],
  [
    "greedy passes over others",
    [s("c"), s("a", { ...more, ...opt, ...greedy }), s("d")],
    "c1 x1 a1 x2 a2 x3 a3 d1",
    ["c1 a1 a2 a3 d1"],
  ],
  [
    "greedy can take nothing",
    [s("c"), s("a", { ...more, ...opt, ...greedy }), s("d")],
    "c1 x1 d1",
    ["c1 d1"],
  ],
  [
    "greedy before optional",
    [s("c"), s("a", { ...more, ...opt, ...greedy }), s("d", opt), s("e")],
    "c1 a1 a2 d1 e1",
    ["c1 a1 a2 d1 e1", "c1 a1 a2 e1"],
  ],
  [
    "greedy goes first where both would take it",
    [s("c"), s("ab", { ...more, ...greedy }), s("b")],
    "c1 a1 b1 b2",
    [],
  ],
  [
    "greedy with an end goes on when it has enough",
    [s("c"), s("ab", { ...times(1, 2), ...greedy }), s("b")],
    "c1 a1 b1 b2",
    ["c1 a1 b1 b2"],
  ],
  [
    "greedy at the end waits until it is sure",
    [s("c"), s("a", { ...more, ...greedy })],
    "c1 a1 a2 d1",
    ["c1 a1 a2"],
  ],
  [
    "greedy and optional at the end, consecutive",
    [s("c"), s("a", { ...more, ...opt, ...greedy, ...consecutive }), s("d", opt)],
    "c1 a1 a2 a3 d1",
    ["c1 a1 a2 a3", "c1 a1 a2 a3 d1"],
  ],
]

const untils: ReadonlyArray<Row> = [
  [
    "until ends a repetition that has begun",
    [s("ab", { ...more, ...combined, until: "b" })],
    "a1 c1 a2 b1 a3",
    ["a1", "a1 a2", "a2", "a3"],
  ],
  [
    "what ends it can be the next stage",
    [s("c"), s("ab", { ...more, until: "b" }), s("b")],
    "c1 a1 a2 b1 a3",
    ["c1 a1 a2 b1", "c1 a1 b1"],
  ],
  [
    "it can end what has not begun",
    [s("c"), s("ab", { ...more, ...opt, until: "b" }), s("b")],
    "c1 b1",
    ["c1 b1"],
  ],
]

const nots: ReadonlyArray<Row> = [
  [
    "not next: not at once",
    [s("a"), not("b", next), s("c", any), s("d")],
    "a1 c1 b1 c2 d1",
    ["a1 c1 d1", "a1 c2 d1"],
  ],
  ["not next: it came at once", [s("a"), not("b", next), s("c"), s("d")], "a1 b1 c1 c2 d1", []],
  ["not next at the end: it came", [s("a"), s("c", any), s("d", any), not("b", next)], "a1 c1 c2 d1 b1", []],
  ["not next at the end: another came", [s("a"), not("b", next)], "a1 c1 b1", ["a1"]],
  ["not followed by", [s("a"), not("b"), s("c", any), s("d")], "a1 c1 b1 c2 d1", ["a1 c1 d1"]],
  [
    "not followed by, then optional",
    [s("a"), not("b"), s("c", { ...any, ...opt }), s("d")],
    "a1 c1 b1 c2 d1",
    ["a1 c1 d1"],
  ],
  [
    "taking the optional stage ends the absence",
    [s("a"), not("b"), s("c", { ...any, ...opt, ...times(2) }), s("d")],
    "a1 c1 b1 c2 d1",
    ["a1 c1 c2 d1"],
  ],
  [
    "it must not come between repetitions either",
    [s("a"), s("b", { ...any, ...times(2) }), not("c"), s("d")],
    "a1 b1 c1 b2 d1",
    [],
  ],
  ["at the end: it came", [s("a"), not("b")], "a1 c1 b1", []],
  ["at the end: it did not come", [s("a"), not("b")], "a1 c1", ["a1"]],
  ["several", [s("a"), not("b"), not("c", next), s("d")], "a1 c1 d1 a2 d2 a3 x1 c2 d3", ["a2 d2", "a3 d3"]],
]

it.each([...contiguity, ...repetition, ...greedily, ...untils, ...nots])(
  "%s",
  (_, stages, stream, matches) => {
    expect(found(stages, stream, { within: "10m" }).toSorted()).toEqual(matches.toSorted())
  },
)
