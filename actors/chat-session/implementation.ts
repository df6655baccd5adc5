/** How a session's agent answers. After a crash the session itself tells what was heard before. */
import * as Effect from "effect/Effect"
import { ChatSessionProtocol } from "../../schemas/index.ts"
import { answering } from "../agent/answering.ts"
import { implementKind } from "../implement-kind.ts"
import { ChatSession } from "./session.ts"

export const chatSessionImplementation = implementKind(ChatSession, {
  answer: answering((engine, { turn }, { self }) =>
    Effect.map(
      engine.ask(ChatSessionProtocol, self.key, { _tag: "Said", turn }, { tenant: self.tenant }),
      ({ text, tokens }) => ({ text, tokens }),
    ),
  ),
})
