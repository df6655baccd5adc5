/** The table of routes: nothing is reachable that nobody declared, and what is open to all is so on purpose. */
import { describe, expect, it } from "vitest"
import { routesOf } from "../../../gateway/app.ts"
import { defaultGatewayLimits } from "../../../gateway/config.ts"
import type { GatewayServices } from "../../../gateway/index.ts"
import { type AnyEndpoint, isPermission } from "../../../schemas/index.ts"

const services = {
  limits: defaultGatewayLimits,
  login: { developmentIssuer: {} },
} as unknown as GatewayServices
const endpoints = routesOf(services).map(({ endpoint }) => endpoint)

/** Whoever adds one says here why nobody has to log in for it. */
const open: Readonly<Record<string, string>> = {
  "a2a.card": "clients of the A2A protocol read how to log in; it describes the default agent only",
  "a2a.cardBeside": "the same, where clients of its release 0.3 look for it",
  "a2a.cardHere": "the same at the protocol's own address",
  "auth.finishLogin": "the identity provider's answer is the login",
  "auth.finishLoginPage": "the same, where the provider sends the browser straight here",
  "auth.listKeys": "public keys, by which others check tokens",
  "auth.beginLogin": "begins a login",
  "auth.logout": "the cookie says which login ends; without one nothing does",
  "auth.refresh": "the refresh cookie is the credential",
  "description.readDocs": "the description of the API, which holds nothing of anybody",
  "description.readOpenapi": "the same for programs",
  "description.readVersion": "which versions the API has",
  "developmentIssuer.authorize": "chooses who to be; exists in development only, and for local callers",
  "developmentIssuer.choose": "the same as a form",
  "developmentIssuer.discover": "where that issuer has what",
  "developmentIssuer.listKeys": "that issuer's public key",
  "developmentIssuer.issueToken": "takes a code with its PKCE verifier",
  "health.read": "a load balancer asks before anybody can log in",
}

const problemsOf = (all: ReadonlyArray<AnyEndpoint>): ReadonlyArray<string> =>
  all.flatMap(({ id, permission }) =>
    isPermission(permission) || permission === "login" || (permission === "public" && Object.hasOwn(open, id))
      ? []
      : [
          `${id}: "${permission}" is no permission; a route that is open to all is listed here with its reason`,
        ],
  )

const repeated = (values: ReadonlyArray<string>) =>
  values.filter((value, index) => values.indexOf(value) !== index)

describe("every route", () => {
  it("asks for a permission, or is open on purpose", () => {
    expect(problemsOf(endpoints)).toEqual([])
  })

  it("has an id and a path of its own", () => {
    expect(repeated(endpoints.map(({ id }) => id))).toEqual([])
    const places = endpoints.map(
      ({ method, path }) => `${method} ${path.replaceAll(/(?<=\/):\w+/g, ":").replace(/\/$/, "")}`,
    )
    expect(repeated(places)).toEqual([])
  })

  it("is called by what it is about and what it does, in one style", () => {
    const words = /^[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*){1,2}$/
    expect(endpoints.map(({ id }) => id).filter((id) => !words.test(id))).toEqual([])
  })

  it("declares the parameters that its path names, and no others", () => {
    const wrong = endpoints.filter(
      ({ path, params }) =>
        [...path.matchAll(/(?<=\/):(\w+)/g)]
          .map(([, name]) => name)
          .sort()
          .join() !== Object.keys(params).sort().join(),
    )
    expect(wrong.map(({ id }) => id)).toEqual([])
  })

  it("reads no body where it only reads", () => {
    expect(endpoints.filter(({ method, body }) => method === "GET" && body !== undefined)).toEqual([])
  })

  it("keeps answers for repeated keys only where it writes JSON", () => {
    const wrong = endpoints.filter(
      ({ idempotent, method, media }) => idempotent === true && (method !== "POST" || media !== undefined),
    )
    expect(wrong.map(({ id }) => id)).toEqual([])
  })
})

describe("the table notices", () => {
  const [first] = endpoints
  it.each([
    ["a route that is open and not listed", { ...first!, id: "new.route", permission: "public" as const }],
    ["a permission that does not exist", { ...first!, permission: "every:thing" as never }],
  ])("%s", (_, endpoint) => expect(problemsOf([endpoint])).toHaveLength(1))
})
