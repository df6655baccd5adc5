/** How a session's agent answers, and how the index follows. After a crash the session tells what was heard before. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { ChatSessionProtocol } from "../../schemas/index.ts"
import { answering } from "../agent/answering.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { ChatSession } from "./session.ts"

/** The database's own words stay out of the journal: they may quote what it was given. */
const indexUnavailable = () =>
  new ActivityFailure({
    code: "IndexUnavailable",
    detail: "the index of sessions did not answer",
    retryable: false,
  })

export const chatSessionImplementation = implementKind(ChatSession, {
  answer: answering((engine, { turn }, { self }) =>
    Effect.map(
      engine.ask(ChatSessionProtocol, self.key, { _tag: "Said", turn }, { tenant: self.tenant }),
      ({ text, tokens }) => ({ text, tokens }),
    ),
  ),
  index: (row, { self }) =>
    Effect.flatMap(
      Effect.flatMap(PlatformAccess, ({ platform }) => platform),
      ({ chats }) =>
        chats
          .put(self.tenant, row)
          .pipe(
            Effect.mapError(indexUnavailable),
            Effect.as({ revision: row.revision, message: row.messages.at(-1)?.number ?? 0 }),
          ),
    ),
})
