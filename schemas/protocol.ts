/**
 * What an actor kind says to the outside: its name, its commands with their answers, and its rejections. Callers and
 * other actors need only this; the behaviour is declared apart, on top of it.
 */
import * as Schema from "effect/Schema"

export const namePattern = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/

export type Fields = Schema.Struct.Fields
export type FieldsMap = { readonly [tag: string]: Fields }
/** Any payload type, but never one that needs services. */
// biome-ignore lint/suspicious/noExplicitAny: variance of Schema's type parameters
export type PlainCodec = Schema.Codec<any, any, never, never>

/** The union of the values that a map of fields describes, told apart by `_tag`. */
export type Tagged<M extends FieldsMap> = {
  [T in keyof M & string]: { readonly _tag: T } & Schema.Struct.Type<M[T]>
}[keyof M & string]

export interface CommandSpec<F extends Fields, R extends PlainCodec> {
  readonly fields: F
  readonly reply: R
}
export type CommandMap = { readonly [tag: string]: CommandSpec<Fields, PlainCodec> }

export type CommandValue<C extends CommandMap, T extends keyof C & string> = {
  readonly _tag: T
} & Schema.Struct.Type<C[T]["fields"]>

/** Declares a command by its fields and the schema of its answer (nothing by default). */
export const command = <const F extends Fields, R extends PlainCodec = typeof Schema.Undefined>(
  fields: F,
  reply?: R,
): CommandSpec<F, R> => ({ fields, reply: reply ?? (Schema.Undefined as unknown as R) })

export interface Codec {
  readonly decode: (encoded: unknown) => unknown
  readonly encode: (value: unknown) => unknown
}

/** Compiled once; throws a SchemaError on what does not fit. `strict` refuses unknown fields. */
export const codecOf = (schema: PlainCodec, strict = false): Codec => ({
  decode: Schema.decodeUnknownSync(schema, strict ? { onExcessProperty: "error" } : {}),
  encode: Schema.encodeUnknownSync(schema),
})

export const codecsOf = (map: FieldsMap, strict = false): Readonly<Record<string, Codec>> =>
  Object.fromEntries(
    Object.entries(map).map(([tag, fields]) => [
      tag,
      codecOf(Schema.TaggedStruct(tag, fields) as unknown as PlainCodec, strict),
    ]),
  )

/** A command for an actor, to be put into a decision's `send`. Without a tenant it stays in the sender's tenant. */
export interface Outgoing {
  readonly kind: string
  readonly key: string
  readonly tenant?: string
  readonly version: number
  /** Encoded command, with its `_tag`. */
  readonly body: unknown
}

export interface Protocol<
  K extends string = string,
  C extends CommandMap = CommandMap,
  R extends FieldsMap = FieldsMap,
> {
  readonly kind: K
  /** Grows when the shape of a command changes; the kind then upcasts what older senders wrote. */
  readonly version: number
  readonly commands: C
  readonly rejections: R
  /** Types only: the commands as a tagged union. */
  readonly Command: { [T in keyof C & string]: CommandValue<C, T> }[keyof C & string]
  readonly codec: {
    readonly command: Readonly<Record<string, Codec>>
    readonly reply: Readonly<Record<string, Codec>>
    readonly rejection: Readonly<Record<string, Codec>>
  }
  /** Commands whose answer cannot be `undefined`: an actor that answers nothing at once answers later. */
  readonly answersLater: ReadonlySet<string>
  readonly tell: (
    key: string,
    value: { [T in keyof C & string]: CommandValue<C, T> }[keyof C & string],
    tenant?: string,
  ) => Outgoing
}

/** A protocol with its types forgotten, as the engine handles it. */
// biome-ignore lint/suspicious/noExplicitAny: variance — the engine calls every kind through its codecs
export type AnyProtocol = Protocol<string, any, any>

/** The answer to one command of a protocol. */
export type ReplyOf<P extends AnyProtocol, Tag extends string> = P["commands"][Tag]["reply"]["Type"]
/** The rejections of a protocol as a tagged union. */
export type RejectionOf<P extends AnyProtocol> = Tagged<P["rejections"]>

export const protocol = <
  const K extends string,
  const C extends CommandMap,
  const R extends FieldsMap = Record<never, never>,
>(declaration: {
  readonly kind: K
  readonly version: number
  readonly commands: C
  readonly rejections?: R
}): Protocol<K, C, R> => {
  const { kind, version, commands } = declaration
  if (!namePattern.test(kind)) throw new Error(`actor kind "${kind}" is no valid name`)
  const rejections = declaration.rejections ?? ({} as R)
  const fields = Object.fromEntries(Object.entries(commands).map(([tag, spec]) => [tag, spec.fields]))
  const codec = {
    command: codecsOf(fields, true),
    reply: Object.fromEntries(Object.entries(commands).map(([tag, spec]) => [tag, codecOf(spec.reply)])),
    rejection: codecsOf(rejections),
  }
  return {
    kind,
    version,
    commands,
    rejections,
    Command: undefined as never,
    codec,
    answersLater: new Set(
      Object.entries(commands)
        .filter(([, spec]) => !Schema.is(spec.reply)(undefined))
        .map(([tag]) => tag),
    ),
    tell: (key, value, tenant) => ({
      kind,
      key,
      ...(tenant === undefined ? {} : { tenant }),
      version,
      body: codec.command[value._tag]!.encode(value),
    }),
  }
}
