/** Texts of a rule with expressions in them: made ready when the rule is saved, filled in for each alert. */
import {
  type Action,
  type AlertPolicy,
  eventAttributesMax,
  type RuleDocument,
} from "../../../schemas/index.ts"
import { withOneEffort } from "../expression/effort.ts"
import type { Environment, Scope } from "../expression/expression.ts"
import {
  filledCharactersMax,
  fillTemplate,
  type Insert,
  insertJson,
  isJsonTemplate,
  type Template,
} from "../expression/template.ts"
import type { Problems } from "./problems.ts"
import type { ActionText, Program, ProgramInput } from "./program.ts"

/** Of a rule: an alert keeps no more. */
export const annotationsMax = 16
/** Characters of all texts of one alert together, once they are filled in; what is more is cut. */
export const alertCharactersMax = 48_000
/** Of the text of one action. */
const actionCharactersMax = 8_000

const checkCount = (
  texts: Readonly<Record<string, unknown>>,
  field: string,
  most: number,
  problems: Problems,
): void => {
  const count = Object.keys(texts).length
  if (count > most) problems.add(field, `has ${count} texts, at most ${most} are kept`, "leave some out")
}

const compileTexts = (
  texts: Readonly<Record<string, string>>,
  field: string,
  environment: Environment,
  problems: Problems,
): Readonly<Record<string, Template>> =>
  Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      problems.template(`${field}.${name}`, text, environment),
    ]),
  )

const compileAction = (
  action: Action,
  field: string,
  environment: Environment,
  problems: Problems,
): ActionText | undefined => {
  switch (action.type) {
    case "call_api": {
      if (action.body === undefined) return undefined
      const template = problems.template(`${field}.body`, action.body, environment)
      const insert = isJsonTemplate(template) ? { insert: insertJson } : {}
      return { template, ...insert, fill: (body) => ({ ...action, body }) }
    }
    case "ask_ops":
      return {
        template: problems.template(`${field}.question`, action.question, environment),
        fill: (question) => ({ ...action, question }),
      }
    case "execute_agent":
      return {
        template: problems.template(`${field}.message`, action.message, environment),
        fill: (message) => ({ ...action, message }),
      }
    default:
      return undefined
  }
}

const checkPublished = (
  event: string,
  field: string,
  inputs: ReadonlyArray<ProgramInput>,
  problems: Problems,
) => {
  if (event.startsWith("millrace.")) {
    problems.add(
      `${field}.event`,
      `${event} is one of Millrace's own types`,
      "use a name that begins otherwise",
    )
  }
  if (inputs.some((input) => input.isEvent && input.name === event)) {
    problems.add(
      `${field}.event`,
      `the rule takes ${event} itself, so it would start itself`,
      "publish another type",
    )
  }
}

export const compileTextsOf = (
  document: RuleDocument,
  inputs: ReadonlyArray<ProgramInput>,
  environment: Environment,
  problems: Problems,
): Pick<Program, "annotations" | "published" | "actionTexts"> => {
  const published: Array<Program["published"][number]> = []
  const actionTexts: Array<ActionText | undefined> = []
  for (const [index, action] of (document.actions ?? []).entries()) {
    const field = `actions.${index}`
    if (action.type !== "publish_event") {
      actionTexts.push(compileAction(action, field, environment, problems))
      continue
    }
    checkPublished(action.event, field, inputs, problems)
    checkCount(action.attributes ?? {}, `${field}.attributes`, eventAttributesMax, problems)
    published.push({
      event: action.event,
      on: action.on ?? ["firing"],
      attributes: compileTexts(action.attributes ?? {}, `${field}.attributes`, environment, problems),
    })
  }
  checkCount(document.annotations ?? {}, "annotations", annotationsMax, problems)
  const annotations = compileTexts(document.annotations ?? {}, "annotations", environment, problems)
  return { annotations, published, actionTexts }
}

/** Fills in texts one after another, as long as there is room and effort for them. */
const filling = (scope: Scope) => {
  let room = alertCharactersMax
  return (template: Template, charactersMax = filledCharactersMax, insert?: Insert): string => {
    const text = fillTemplate(template, scope, Math.min(room, charactersMax), insert)
    room -= text.length
    // What samples and events bring along may be cut in the middle of a character, or be none that can be stored.
    return text.replaceAll("\u0000", "").toWellFormed()
  }
}

/** What an alert carries, with the texts that hold for it now. */
export const fillPolicy = ({ policy, annotations, actionTexts }: Program, scope: Scope): AlertPolicy =>
  withOneEffort(() => {
    const fill = filling(scope)
    return {
      ...policy,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, template]) => [name, fill(template)]),
      ),
      actions: policy.actions.map((action, index) => {
        const text = actionTexts[index]
        return text === undefined ? action : text.fill(fill(text.template, actionCharactersMax, text.insert))
      }),
    }
  })
