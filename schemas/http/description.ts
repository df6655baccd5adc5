/** What the API says about itself: its description for machines and for people, and its versions. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"

const Version = Schema.Struct({
  status: Schema.Literals(["current", "deprecated"]),
  /** When it goes away; absent while nobody has decided that. */
  sunset_date: Schema.optionalKey(Schema.String),
  description: Schema.String,
})

export const descriptionEndpoints = {
  openapi: endpoint({
    id: "description.readOpenapi",
    method: "GET",
    path: "/openapi.json",
    summary: "This description, in OpenAPI 3.1.",
    permission: "public",
    answer: Schema.Record(Schema.String, Schema.Unknown),
  }),
  docs: endpoint({
    id: "description.readDocs",
    method: "GET",
    path: "/docs",
    summary: "This description as a page.",
    permission: "public",
    media: "text/html",
    status: 200,
  }),
  version: endpoint({
    id: "description.readVersion",
    method: "GET",
    path: "/api/version",
    summary: "The versions of the API, and what state each is in.",
    permission: "public",
    answer: Schema.Struct({ v1: Version, v2: Version }),
  }),
} as const
