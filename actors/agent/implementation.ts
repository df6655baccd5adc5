/** What an agent's activities do: answer a task, put the agent into the index, ask whether it is there. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { Agent } from "./agent.ts"
import { answering } from "./answering.ts"
import { frameworks } from "./frameworks/frameworks.ts"
import { checkImpossible } from "./health-check.ts"
import { nothingSaid } from "./question.ts"

/** The database's own words stay out of the journal: they may quote what it was given. */
const indexUnavailable = () =>
  new ActivityFailure({
    code: "IndexUnavailable",
    detail: "the index of agents did not answer",
    retryable: true,
  })

const platformOf = Effect.flatMap(PlatformAccess, ({ platform }) => platform)

export const agentImplementation = implementKind(Agent, {
  answer: answering(() => Effect.succeed(nothingSaid)),
  index: (row, run) =>
    Effect.flatMap(platformOf, ({ agents, recommendations }) =>
      agents
        .put(run.self.tenant, row)
        .pipe(
          Effect.mapError(indexUnavailable),
          Effect.andThen(recommendations.keep(run.self.tenant, row.view)),
          Effect.as({ revision: row.view.revision }),
        ),
    ),
  check: (view, run) =>
    Effect.flatMap(platformOf, (platform) =>
      platform.agents.credential(run.self.tenant, view.agent).pipe(
        Effect.mapError(
          () =>
            new ActivityFailure({
              code: checkImpossible,
              detail: "the agent's credential could not be read",
              retryable: false,
            }),
        ),
        Effect.flatMap((credential) => frameworks[view.framework].check(view, platform, credential)),
      ),
    ),
})
