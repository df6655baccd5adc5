/**
 * A text as the offline embedder reads it: words without their endings, how much each says, and the concepts that Korean
 * and English share. Lexical: it knows spellings, not meanings. A change here changes vectors: raise `lexicalModel`.
 */
import { englishForms, koreanForms } from "./bridge.ts"

export interface Word {
  /** As it is in the text, in lower case. */
  readonly written: string
  /** Without its ending. */
  readonly stem: string
  /** From the table of both languages. */
  readonly concepts: ReadonlyArray<string>
  /** 0: says nothing of what the text is about. */
  readonly weight: number
}

const emptyEnglish = new Set(
  `a an the and or but if of to in on at by for from with without about into over under as is are was were be been being
  am do does did done have has had having will would can could should may might must shall not no nor so than then that
  this these those there here it its i me my we us our you your he him his she her they them their who whom which what
  when where why how all any both each few more most other some such only own same too very just also please want wants
  wanted need needs needed like looking look find get give make let let's agent agents assistant assistants bot help
  helps helper helping someone something anything one ones able across within per via etc use uses used using based
  provide provides various many much new good best ai`.split(/\s+/),
)
const weakEnglish = new Set(
  `handle handles handling process manage manages management manager answer answers answering user users team teams work
  works working service services system systems tool tools create creates tell tells show shows check checks run
  time company department request requests information specialist expert professional question questions`.split(
    /\s+/,
  ),
)
const emptyKorean = new Set(
  `에이전트 도우미 비서 봇 도움 필요 전문 전문가 관련 대한 대해 위한 위해 통해 통한 있는 있다 없는 하는 해줘 해주 해주세요
  좋은 어떤 어떻게 무엇 누구 언제 어디 이것 그것 저것 우리 제가 나는 저는 그리고 또는 및 등 수 것 거 좀 더 를 을 모든 여러
  다양한 사용 이용 제공 가능 원하는 싶어 싶다 싶은 찾아 찾고 찾는 알려 알려줘 도와 도와줘 도와줄 도와주는 주세요 부탁 있을까
  있나 있어 할 수있는 하고 하기 해서 다수 경험 특화 담당`.split(/\s+/),
)
const weakKorean = new Set(
  "처리 관리 기능 서비스 시스템 도구 사용자 팀 부서 회사 정보 요청 작업 답변 응답 수행 확인 질문 문의 업무 절차".split(
    " ",
  ),
)

/** Particles and endings, longest first. */
const koreanEndings = `
으로부터 에게서는 해주세요 해드립니다 합니다만 입니다만 에서는 에서도 으로는 으로도 해줄게 해주는 해줘요 합니다 됩니다 입니다
습니다 하세요 하거나 하면서 하도록 이라는 이라고 에게는 한테는 까지는 부터는 한다는
에서 에게 한테 으로 부터 까지 보다 처럼 마다 조차 밖에 이나 이란 라는 라고 해줘 해줄 해서 해야 하는 하고 하기 하면 하며 하여
한다 했다 할때 되는 되어 된다 들을 들의 들이 들은 들에 이고 이며 인가 인지 과의 와의
을 를 이 가 은 는 에 의 와 과 로 도 만 들 한 할 해 됨 함 된 될 줘 요
`
  .trim()
  .split(/\s+/)
  .sort((one, other) => other.length - one.length)

const koreanStem = (word: string): string => {
  let stem = word
  for (let stripped = 0; stripped < 2; stripped++) {
    const ending = koreanEndings.find((one) => stem.length - one.length >= 2 && stem.endsWith(one))
    if (ending === undefined || koreanForms.some(([form]) => form === stem)) return stem
    stem = stem.slice(0, -ending.length)
  }
  return stem
}

const doubled = /([bdgmnprt])\1$/u

const englishStem = (word: string): string => {
  let stem = word.replace(/'s?$/u, "")
  if (stem.length > 4 && stem.endsWith("ies")) stem = `${stem.slice(0, -3)}y`
  else if (stem.length > 3 && /[^isu]s$/u.test(stem)) stem = stem.slice(0, -1)
  if (stem.length > 5 && stem.endsWith("ing")) stem = stem.slice(0, -3).replace(doubled, "$1")
  else if (stem.length > 4 && stem.endsWith("ed")) stem = stem.slice(0, -2).replace(doubled, "$1")
  return stem.length > 3 && stem.endsWith("e") ? stem.slice(0, -1) : stem
}

const conceptByEnglish = new Map(englishForms.map(([form, concept]) => [englishStem(form), concept]))

const koreanConcepts = (word: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let rest = word
  for (const [form, concept] of koreanForms) {
    // A form of one syllable is in too many words by chance.
    if (form.length === 1 ? rest !== form : !rest.includes(form)) continue
    found.push(concept)
    rest = rest.replace(form, " ")
  }
  return found
}

const weightOf = (written: string, stem: string, empty: Set<string>, weak: Set<string>): number => {
  if (empty.has(written) || empty.has(stem)) return 0
  return weak.has(written) || weak.has(stem) ? 0.35 : 1
}

const koreanWord = (written: string): Word => {
  const stem = koreanStem(written)
  return {
    written,
    stem,
    concepts: koreanConcepts(stem),
    weight: weightOf(written, stem, emptyKorean, weakKorean),
  }
}

const englishWord = (written: string): Word => {
  const stem = englishStem(written)
  const concept = conceptByEnglish.get(stem)
  return {
    written,
    stem,
    concepts: concept === undefined ? [] : [concept],
    weight: weightOf(written, stem, emptyEnglish, weakEnglish),
  }
}

const pieces = /\p{Script=Hangul}+|[\p{L}\p{M}\p{N}']+?(?=\p{Script=Hangul}|[^\p{L}\p{M}\p{N}']|$)/gu

/** `camelCase`, `snake_case` and `kebab-case` are their words. */
const spread = (text: string): string =>
  text
    .normalize("NFKC")
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()

export const isHangul = (text: string): boolean => /\p{Script=Hangul}/u.test(text)

/** In their order; those that say nothing are left out. */
export const wordsOf = (text: string): ReadonlyArray<Word> =>
  (spread(text).match(pieces) ?? [])
    .map((piece) => (isHangul(piece) ? koreanWord(piece) : englishWord(piece)))
    .filter(({ weight, stem }) => weight > 0 && stem !== "")
