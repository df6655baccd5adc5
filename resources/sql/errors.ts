/**
 * What can go wrong around the database as a resource; a failing statement stays effect's own `SqlError`.
 * `code` is stable and part of the API; the fields are data, the message is for people.
 */
import * as Schema from "effect/Schema"

/** Another live process works on this data directory; two at once would corrupt it. */
export class DatabaseLocked extends Schema.TaggedError<DatabaseLocked>()("DatabaseLocked", {
  directory: Schema.String,
  pid: Schema.Int,
}) {
  readonly code = "database-locked"
  readonly kind = "terminal"
  override get message() {
    return `${this.directory} is in use by process ${this.pid}: stop that one, or use another directory`
  }
}

/** The database could not be opened or reached when the layer was built. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect()),
}) {
  readonly code = "database-unavailable"
  readonly kind = "retryable"
  override get message() {
    return `The database is unavailable: ${this.reason}`
  }
}

/** A migration that was applied reads differently now; write a new one instead. */
export class MigrationChanged extends Schema.TaggedError<MigrationChanged>()("MigrationChanged", {
  set: Schema.String,
  id: Schema.String,
  recorded: Schema.String,
  found: Schema.String,
}) {
  readonly code = "migration-changed"
  readonly kind = "terminal"
  override get message() {
    return `Migration ${this.set}/${this.id} was applied with checksum ${this.recorded} and is now ${this.found}`
  }
}

/** The list cannot be applied as it stands: ids repeat, descend, or one was slipped in before an applied one. */
export class MigrationOutOfOrder extends Schema.TaggedError<MigrationOutOfOrder>()("MigrationOutOfOrder", {
  set: Schema.String,
  id: Schema.String,
  after: Schema.String,
}) {
  readonly code = "migration-out-of-order"
  readonly kind = "terminal"
  override get message() {
    return `Migration ${this.set}/${this.id} must not come after ${this.after}`
  }
}

/** The SQL of a migration failed; nothing of this run was kept. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  set: Schema.String,
  id: Schema.String,
  direction: Schema.Literals(["up", "down"]),
  cause: Schema.Defect(),
}) {
  readonly code = "migration-failed"
  readonly kind = "terminal"
  override get message() {
    return `Migration ${this.set}/${this.id} failed going ${this.direction}`
  }
}

export type DatabaseError = DatabaseLocked | DatabaseUnavailable
export type MigrationError = MigrationChanged | MigrationOutOfOrder | MigrationFailed
