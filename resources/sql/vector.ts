/**
 * pgvector's `vector` type for the SQL client: read as `Float32Array` through a codec registered under the
 * type's OID, which differs per database and is looked up; written as text, whose type Postgres infers.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"

/** pgvector's own limit for the type. */
export const vectorDimensionsMax = 16_000

/** A vector as a statement's parameter. Gotcha: add `::vector` where Postgres cannot infer the type. */
export const vector = (values: ArrayLike<number>): PgTypes.Parameter => ({
  [PgTypes.ParameterTypeId]: PgTypes.ParameterTypeId,
  oid: 0,
  value: `[${Array.from(values).join(",")}]`,
})

const fail = (message: string) => Result.fail(new PgTypes.CodecError({ message }))

/** Shape: dimensions as int16, two unused bytes, then one float4 per dimension, all big-endian. */
export const vectorCodec: PgTypes.Codec<Float32Array> = {
  encode: (values) => {
    if (values.length > vectorDimensionsMax)
      return fail(`a vector has at most ${vectorDimensionsMax} dimensions`)
    const bytes = new Uint8Array(4 + 4 * values.length)
    const view = new DataView(bytes.buffer)
    view.setInt16(0, values.length)
    values.forEach((value, index) => {
      view.setFloat32(4 + 4 * index, value)
    })
    return Result.succeed(bytes)
  },
  decode: (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < 4 || bytes.length !== 4 + 4 * view.getInt16(0)) return fail("not a vector")
    const values = new Float32Array(view.getInt16(0))
    for (let index = 0; index < values.length; index++) values[index] = view.getFloat32(4 + 4 * index)
    return Result.succeed(values)
  },
}

interface TypeIds {
  readonly oid: number
  readonly typarray: number
}

/** Installs pgvector where the server has it, and teaches the registry its type; says whether it is there. */
export const enableVector = Effect.fn("enableVector")(function* (sql: SqlClient, types: PgTypes.Registry) {
  const find = sql<TypeIds>`SELECT oid, typarray FROM pg_type WHERE typname = 'vector'`
  let found = yield* find
  if (found.length === 0) {
    // Not installed, not allowed, or another node was faster: the second look tells.
    yield* Effect.ignore(sql`CREATE EXTENSION IF NOT EXISTS vector`)
    found = yield* find
  }
  for (const { oid, typarray } of found) types.register(oid, vectorCodec, { arrayOid: typarray })
  return found.length > 0
})
