/** The database contract against real PostgreSQL servers with pgvector. */
import * as Redacted from "effect/Redacted"
import { inject } from "vitest"
import { Database } from "../../resources/index.ts"
import { databaseContract } from "../contract/database.ts"

for (const [title, url] of inject("databases"))
  databaseContract(title, Database.layer({ url: Redacted.make(url), maxConnections: 4 }))
