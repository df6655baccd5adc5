/** Why an agent suits a question, in the question's language: the skills and words that both have. */
import { isHangul, type Word, wordsOf } from "../../../resources/index.ts"
import type { AgentView } from "../../../schemas/index.ts"

const skillsMax = 2
const wordsMax = 3
/** Words such as “handle” alone are no reason. */
const weightMin = 0.5

const marksOf = ({ stem, concepts }: Word): ReadonlyArray<string> => [
  `word ${stem}`,
  ...concepts.map((concept) => `concept ${concept}`),
]

/** How much of what the question says is in the text too. */
const common = (asked: ReadonlyArray<Word>, text: string): number => {
  const marks = new Set(wordsOf(text).flatMap(marksOf))
  const shared = asked.filter((word) => marksOf(word).some((mark) => marks.has(mark)))
  return shared.reduce((sum, { weight }) => sum + weight, 0)
}

const skillsFor = (asked: ReadonlyArray<Word>, { skills }: AgentView): ReadonlyArray<string> =>
  skills
    .map(({ name, description, tags = [], examples = [] }) => ({
      name,
      weight: common(asked, [name, description, ...tags, ...examples].join("\n")),
    }))
    .filter(({ name, weight }) => weight >= weightMin && name.trim() !== "")
    .sort((one, other) => other.weight - one.weight)
    .slice(0, skillsMax)
    .map(({ name }) => name)

const wordsFor = (
  asked: ReadonlyArray<Word>,
  { name, description, examples = [] }: AgentView,
): ReadonlyArray<string> => {
  const marks = new Set(asked.flatMap(marksOf))
  const shared = wordsOf([name, description, ...examples].join("\n")).filter((word) =>
    marksOf(word).some((mark) => marks.has(mark)),
  )
  return [...new Set(shared.map(({ written }) => written))].slice(0, wordsMax)
}

export const matchReason = (query: string, view: AgentView): string => {
  const [asked, korean] = [wordsOf(query), isHangul(query)]
  const skills = skillsFor(asked, view).join(" · ")
  if (skills !== "") return korean ? `${skills} 기능과 일치` : `Matches the skills ${skills}`
  const words = wordsFor(asked, view).join(", ")
  if (words !== "") return korean ? `일치하는 단어: ${words}` : `Words in common: ${words}`
  return korean ? "설명이 질문과 비슷함" : "Its description is like the question"
}
