/** What a built-in behaviour makes of a question. */
import type { AnswerBlock, HandoverTerms } from "../../../schemas/index.ts"

export type Utterance =
  | {
      readonly _tag: "Say"
      readonly text: string
      readonly blocks: ReadonlyArray<AnswerBlock>
      readonly plan?: string
    }
  | ({ readonly _tag: "HandOver"; readonly toAgent: string } & HandoverTerms)
