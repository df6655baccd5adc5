/** The database contract against the embedded database, with a pool of four. */
import { ephemeralDatabase } from "../support/database.ts"
import { databaseContract } from "./database.ts"

databaseContract("the embedded database", ephemeralDatabase({ maxConnections: 4 }))
