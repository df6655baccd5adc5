/** The index of sessions in memory, for suites without a database. */
import * as Effect from "effect/Effect"
import type { ChatIndexService } from "../../actors/index.ts"
import type { SessionMessage } from "../../schemas/index.ts"

type Row = Parameters<ChatIndexService["put"]>[1]

export interface MemoryChatIndex extends ChatIndexService {
  /** Every row that was put, in order. */
  readonly rows: Array<Row>
}

export const makeMemoryChatIndex = (): MemoryChatIndex => {
  const rows: Array<Row> = []
  const newest = () => new Map(rows.map((row) => [row.head.session, row]))
  return {
    rows,
    put: (_, row) => Effect.sync(() => void rows.push(row)),
    list: (_, owner) =>
      Effect.sync(() => {
        const heads = [...newest().values()]
          .filter((row) => !row.deleted && row.head.owner === owner)
          .map(({ head }) => head)
        return { rows: heads, total: heads.length }
      }),
    messages: (_, session, from, to) =>
      Effect.sync((): ReadonlyArray<SessionMessage> => {
        const all = rows.filter(({ head }) => head.session === session).flatMap(({ messages }) => messages)
        return all.filter(({ number }) => number >= from && number <= to)
      }),
  }
}
