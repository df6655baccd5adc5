/** The process of all clients: does what it is told by messages, one thing after the other, and answers with figures. */
import { LatencyCounts } from "../../gateway/index.ts"
import { Client, type Counts } from "./client.ts"

export interface Place {
  readonly session: string
  readonly token: string
}

export type Order =
  | { readonly do: "connect"; readonly url: string; readonly places: ReadonlyArray<Place> }
  /** Each asks its own session, or the first one asks for all. */
  | { readonly do: "ask"; readonly question: object; readonly first?: boolean; readonly overMs?: number }
  | { readonly do: "cut" }
  | { readonly do: "reconnect" }
  /** Waits for all answers, but not for ever. */
  | { readonly do: "finish"; readonly withinMs: number }
  /** Gives what was counted until now, and begins to count tokens anew. */
  | { readonly do: "measure" }
  | { readonly do: "one-by-one"; readonly question: object; readonly times: number }

const openingAtOnce = 256
const retryMs = 100
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const counts: Counts = {
  tokens: 0,
  gaps: 0,
  doubles: 0,
  restarts: 0,
  errors: {},
  latencies: new LatencyCounts(),
  firsts: new LatencyCounts(),
}
let clients: ReadonlyArray<Client> = []
let places: ReadonlyArray<Place> = []
let address = ""
let asked: Promise<unknown> = Promise.resolve()
let measuredSince = performance.now()

const urlOf = ({ session, token }: Place) => {
  const path = session === "" ? "" : `/ws/${session}?token=${token}`
  return (after: number) => `${address}${path}${path !== "" && after > 0 ? `&after=${after}` : ""}`
}

/** All of them, some at a time, each until it is let in. */
const openAll = async () => {
  let [next, refused] = [0, 0]
  const began = performance.now()
  const open = async () => {
    while (next < clients.length) {
      const index = next++
      while (
        !(await clients[index]!.open(urlOf(places[index]!)).then(
          () => true,
          () => false,
        ))
      ) {
        refused += 1
        await pause(retryMs)
      }
    }
  }
  await Promise.all(Array.from({ length: openingAtOnce }, open))
  const seconds = (performance.now() - began) / 1_000
  return { seconds, perSecond: Math.round(clients.length / seconds), refused }
}

const figures = () => ({
  ...counts,
  perSecond: Math.round((counts.tokens * 1_000) / (performance.now() - measuredSince)),
  latencies: {
    p50: counts.latencies.percentile(0.5),
    p99: counts.latencies.percentile(0.99),
    max: counts.latencies.percentile(1),
  },
  firsts: { p50: counts.firsts.percentile(0.5), p99: counts.firsts.percentile(0.99) },
  fewest: clients.reduce((fewest, { tokens }) => Math.min(fewest, tokens), Number.MAX_SAFE_INTEGER),
  most: clients.reduce((most, { tokens }) => Math.max(most, tokens), 0),
})

const reset = () => {
  Object.assign(counts, { tokens: 0, gaps: 0, doubles: 0, restarts: 0, errors: {} })
  counts.latencies = new LatencyCounts()
  counts.firsts = new LatencyCounts()
  measuredSince = performance.now()
}

const obey = async (order: Order): Promise<object> => {
  switch (order.do) {
    case "connect":
      for (const client of clients) client.cut()
      places = order.places
      address = order.url
      clients = places.map(() => new Client(counts))
      return openAll()
    case "ask": {
      reset()
      for (const client of clients) client.begin()
      const { question, overMs = 0 } = order
      const speakers = order.first === true ? clients.slice(0, 1) : clients
      const all = order.first === true ? clients.slice(1).map((client) => client.ended()) : []
      asked = Promise.all([
        ...all,
        ...speakers.map(async (client, index) => {
          if (overMs > 0) await pause((overMs * index) / speakers.length)
          await client.say(question)
        }),
      ])
      return {}
    }
    case "cut":
      for (const client of clients) client.cut()
      return {}
    case "reconnect": {
      const began = performance.now()
      const caughtUp = Promise.all(clients.map((client) => client.caughtUp()))
      const opened = await openAll()
      await caughtUp
      return { ...opened, caughtUpSeconds: (performance.now() - began) / 1_000 }
    }
    case "finish":
      await Promise.race([asked, pause(order.withinMs)])
      return { ...figures(), unfinished: clients.filter((client) => !client.isOver).length }
    case "measure": {
      const before = figures()
      counts.tokens = 0
      counts.latencies = new LatencyCounts()
      measuredSince = performance.now()
      return before
    }
    case "one-by-one":
      reset()
      for (let time = 0; time < order.times; time++) await clients[time % clients.length]!.say(order.question)
      return figures()
  }
}

process.on("message", async (order: Order) => {
  process.send!(await obey(order).catch((failure: unknown) => ({ failed: String(failure) })))
})
