/** Secrets and personal data never survive masking, wherever in a value they are put. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import fc from "fast-check"
import { isSecretName, maskAttributes, maskText, maskValue, Tracing } from "../../resources/index.ts"
import { type EventStreamService, TraceStream } from "../../streams/index.ts"

const letters = (characters: string, minLength: number, maxLength = minLength) =>
  fc.array(fc.constantFrom(...characters), { minLength, maxLength }).map((chosen) => chosen.join(""))
const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const digits = "0123456789"

/** The digits with the one that makes them a card's. */
const withCheckDigit = (digits: string): string => {
  const sum = [...digits]
    .toReversed()
    .reduce(
      (total, character, index) =>
        total + (index % 2 === 1 ? Number(character) : [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][Number(character)]!),
      0,
    )
  return `${digits}${(10 - (sum % 10)) % 10}`
}

const secrets: Record<string, fc.Arbitrary<string>> = {
  "an API key": letters(alphanumeric, 8, 40).map((rest) => `ak_live_${rest}`),
  "a model provider's key": letters(alphanumeric, 20, 48).map((rest) => `sk-${rest}`),
  "a signed token": fc
    .tuple(letters(alphanumeric, 10, 30), letters(alphanumeric, 10, 30), letters(alphanumeric, 10, 43))
    .map(([header, body, signature]) => `eyJ${header}.${body}.${signature}`),
  "a refresh token": letters(alphanumeric, 16, 43).map((rest) => `rt_${rest}`),
  "a payment card": letters(digits, 14).map((rest) => withCheckDigit(`4${rest}`)),
  "a payment card in groups": letters(digits, 14).map((rest) =>
    withCheckDigit(`5${rest}`).replaceAll(/(\d{4})(?=\d)/g, "$1 "),
  ),
  "a number abroad": letters(digits, 9).map((rest) => `+4420${rest}`),
  "a number of Seoul": letters(digits, 8).map((rest) => `02-${rest.slice(0, 4)}-${rest.slice(4)}`),
  "a number with the country in front": letters(digits, 8).map(
    (rest) => `82-10-${rest.slice(0, 4)}-${rest.slice(4)}`,
  ),
  "the credential of an address": letters(alphanumeric, 16, 30).map((rest) => `://user:${rest}@`),
  "an access key": letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16).map((rest) => `AKIA${rest}`),
  "an e-mail address": fc
    .tuple(letters(`${alphanumeric}._-`, 1, 20), letters("abcdefghijklmnop", 2, 12))
    .map(([name, host]) => `${name}x@${host}.co.kr`),
  "a mobile number": letters(digits, 8).map((rest) => `010-${rest.slice(0, 4)}-${rest.slice(4)}`),
  "a mobile number without dashes": letters(digits, 8).map((rest) => `010${rest}`),
  "an international number": letters(digits, 8).map((rest) => `+82 10 ${rest.slice(0, 4)} ${rest.slice(4)}`),
}

/** What stands around a secret: any text, but a word of it does not run into the secret. */
const around = fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[\p{L}\p{N}_.@+-]+$/gu, ""))
const after = fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/^[\p{L}\p{N}_.@+-]+/gu, ""))

/** A value of any shape with the text somewhere in it, as a value or as a name. */
const holding = (text: string): fc.Arbitrary<unknown> =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", maxDepth: 4 },
      fc.constant(text),
      fc.tuple(fc.jsonValue({ maxDepth: 1 }), tie("value")),
      fc.tuple(fc.string(), tie("value")).map(([name, value]) => ({ [name]: value })),
      fc.constant({ [text]: 1 }),
      fc.constant(new Error(text)),
    ),
  })).value

describe("masking", () => {
  for (const [title, secret] of Object.entries(secrets))
    it(`leaves nothing of ${title} at any attribute`, () => {
      const given = fc
        .tuple(secret, around, after)
        .chain(([hidden, before, behind]) =>
          fc.tuple(fc.constant(hidden), fc.string(), holding(`${before} ${hidden}${behind && ` ${behind}`}`)),
        )
      fc.assert(
        fc.property(given, ([hidden, name, value]) => {
          expect(JSON.stringify(maskAttributes([[name, value]]))).not.toContain(hidden)
        }),
        { numRuns: 400 },
      )
    })

  it("finds an API key in the middle of anything", () => {
    fc.assert(
      fc.property(fc.string(), secrets["an API key"]!, fc.string(), (before, key, behind) => {
        expect(maskText(before + key + behind)).not.toContain(key)
      }),
      { numRuns: 1_000 },
    )
  })

  it("bears values that throw when they are read", () => {
    const hostile = {
      toJSON: () => {
        throw new Error("no")
      },
    }
    expect(maskAttributes([["hostile", hostile]])).toEqual({ hostile: "[unreadable]" })
  })

  it("masks whatever stands under a telling name, and leaves counts of tokens alone", () => {
    const names = ["Authorization", "x-api-key", "refreshToken", "db.password", "apiKey", "client_secret"]
    for (const name of names) expect(maskAttributes([[name, "swordfish"]])).toEqual({ [name]: "[secret]" })
    expect(isSecretName("gen_ai.usage.input_tokens")).toBe(false)
    expect(maskAttributes([["gen_ai.usage.input_tokens", 12]])).toEqual({ "gen_ai.usage.input_tokens": 12 })
  })

  it("masks credentials in headers, addresses and query strings", () => {
    expect(maskText("Bearer abc.def-123")).toBe("Bearer [secret]")
    expect(maskText("postgres://mill:race@db:5432/x")).toBe("postgres://mill:[secret]@db:5432/x")
    expect(maskText("/cb?code_verifier=abc&token=xyz&page=2")).toBe(
      "/cb?code_verifier=[secret]&token=[secret]&page=2",
    )
    expect(maskText('{"password":"swordfish"}')).toBe('{"password":"[secret]"}')
  })

  it("leaves times, ids and figures as they are", () => {
    for (const text of [
      "2026-11-21T01:22:05.123Z",
      "1795224125123",
      "4bf92f3577b34da6a3ce929d0e0e4736",
      "3.14159265358979",
    ])
      expect(maskText(text)).toBe(text)
    expect(maskValue({ count: 3, ok: true, none: null })).toEqual({ count: 3, ok: true, none: null })
  })

  it("mangles no id, time or figure", () => {
    const harmless = fc.oneof(
      fc.uuid(),
      letters("0123456789abcdef", 31).map((rest) => `a${rest}`),
      letters("0123456789abcdef", 23).map((rest) => `${rest}f`),
      letters("0123456789abcdef", 15).map((rest) => `e${rest}`),
      fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
        .map((date) => date.toISOString()),
      fc.integer({ min: 1_000_000_000_000, max: 1_999_999_999_999 }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map(String),
    )
    const said = fc.array(harmless, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(", "))
    fc.assert(
      fc.property(said, (text) => {
        expect(maskText(text)).toBe(text)
      }),
      { numRuns: 20_000 },
    )
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(maskValue({ value })).toEqual({ value })
      }),
    )
  })

  it("keeps no half of a secret that a cut goes through", () => {
    const secret = `ak_live_${"x".repeat(64)}`
    for (const length of [4_060, 16_320, 16_380])
      expect(maskText(`${". ".repeat(length / 2)}${secret}`)).not.toContain("live_x")
  })

  it("takes words that are made to be looked at again and again as fast as any other", () => {
    // With expressions that begin anew within such a word, this takes minutes.
    const words = ["a", "1-", "a1", "eyJ", "0a"].map((part) => part.repeat(8_192).slice(0, 16_384))
    for (let round = 0; round < 40; round++)
      for (const word of words) expect(maskText(word).slice(0, 3)).toBe(word.slice(0, 3))
    expect(maskText(`${"x".repeat(200)}@example.com`)).toMatch(/^x+\[email\]$/)
    expect(maskText("eyJhbGciOiJub25lIn0 eyJhbGciOiJub25lIn0.e30.")).toBe("eyJhbGciOiJub25lIn0 [secret]")
  })

  it("bears circles and endless depth", () => {
    const circle: Record<string, unknown> = { name: "circle" }
    circle.self = circle
    expect(JSON.stringify(maskValue(circle))).toContain("…")
  })

  it.effect("holds for spans on their way to the stream: names, attributes and errors", () =>
    Effect.gen(function* () {
      const published: Array<string> = []
      const stream = {
        appendWith: (_token, data, onPublished) => {
          published.push(new TextDecoder().decode(data))
          onPublished(undefined, published.length)
        },
      } as Partial<EventStreamService> as EventStreamService
      const services = yield* Layer.build(
        Layer.provide(Tracing.layer({ service: "test" }), Layer.succeed(TraceStream, stream)),
      )
      const secret = "ak_live_0123456789"
      yield* Effect.fail(new Error(`refused ${secret}`)).pipe(
        Effect.withSpan(`GET /x?key=${secret}`, { attributes: { note: secret, nested: { deep: [secret] } } }),
        Effect.ignore,
        Effect.provideContext(services),
      )
      const tracing = Context.get(services, Tracing)
      yield* tracing.flush
      expect(published).toHaveLength(1)
      expect(published[0]).toContain("refused [secret]")
      expect(published[0]).not.toContain(secret)
      expect(tracing.figures()).toEqual({ recorded: 1, published: 1, dropped: 0, buffered: 0 })
    }),
  )
})
