/**
 * Puts a node together, in the order in which its parts need each other; the scope takes it apart the other way round:
 * the gateway first, then the engine hands its partitions over, then what was started for this node.
 */
import { randomBytes } from "node:crypto"
import { hostname } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import {
  AgentIndex,
  AgentRecommendations,
  AlertIndex,
  agentIndexLayer,
  agentRecommendationsLayer,
  alertIndexLayer,
  CallCounter,
  Channels,
  ChatIndex,
  channelsLayer,
  chatIndexLayer,
  EngineAccess,
  implementations,
  LaneOperations,
  Lanes,
  makeLanes,
  PlatformAccess,
  platformTables,
  RuleIndex,
  ruleIndexLayer,
  runBuiltinSeeding,
  runEmbeddingUpkeep,
  runEntering,
  runModelWatch,
  runOldRules,
  runPollResealing,
  seedBuiltins,
  TaskIndex,
  taskIndexLayer,
  traceProjectorLayer,
  traceStoreLayer,
} from "./actors/index.ts"
import { Engine, make } from "./engine/index.ts"
import {
  developmentApiKey,
  developmentTenant,
  type LoginConfig,
  makeLoginConfig,
  type NodeFile,
  readNodeFile,
  writeNodeFile,
} from "./gateway/index.ts"
import { startGateway } from "./gateway-runtime.ts"
import { findNats, type Report } from "./nats.ts"
import {
  auditAnchorsLayer,
  type BadSecretKeys,
  Changes,
  collectHostMetrics,
  credentialsLayer,
  Database,
  Directory,
  Egress,
  Llm,
  LlmModels,
  LlmUsage,
  llmModelsLayer,
  Mailer,
  modelCheckerLayer,
  NodeLog,
  PlatformSettings,
  RateLimits,
  readSecretKeys,
  Secrets,
  Tenancy,
  Tenants,
  Tracing,
} from "./resources/index.ts"
import type { Settings } from "./settings.ts"
import { Durability, MetricStream, layer as streamsLayer } from "./streams/index.ts"
import { keepDefaultModel, pruneRows, resealSecrets } from "./upkeep.ts"

/** Unique per life of a node, and telling in logs which machine it is. */
const newIncarnation = () =>
  `${hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 32)}-${randomBytes(4).toString("hex")}`

const startStreams = Effect.fnUntraced(function* (settings: Settings, report: Report) {
  const { config, givenUp } = yield* findNats(settings.home, settings.nats, report)
  const streams = yield* Layer.build(streamsLayer({ ...config, partitions: settings.partitions }))
  yield* report(Context.get(streams, Durability).text)
  const over = Layer.mergeAll(Tracing.layer({ service: "gateway" }), Changes.layerSignals, RateLimits.layer)
  const more = yield* Layer.build(over).pipe(Effect.provide(streams))
  return { services: Context.merge(streams, more), givenUp }
})

const startEngine = Effect.fnUntraced(function* (settings: Settings, incarnation: string) {
  const access = yield* EngineAccess.make
  const kinds = yield* Effect.provideService(implementations, EngineAccess, access)
  const engine = yield* make({ partitions: settings.partitions, incarnation, implementations: kinds })
  yield* Effect.addFinalizer(() => engine.drain)
  yield* access.fill(engine)
  return engine
})

const startReadSide = Effect.fnUntraced(function* (settings: Settings, incarnation: string) {
  const { partitions } = settings
  yield* Layer.build(traceProjectorLayer({ partitions, node: incarnation }))
  return yield* Layer.build(Layer.merge(traceStoreLayer({ partitions }), CallCounter.layer))
})

/** Measures this host from now on; answers when samples were last stored. */
const startCollector = Effect.fnUntraced(function* (settings: Settings) {
  const stream = yield* MetricStream
  let last: number | undefined
  const watched: typeof stream = {
    ...stream,
    append: (token, data) =>
      Effect.tap(stream.append(token, data), () =>
        Effect.sync(() => {
          last = Date.now()
        }),
      ),
  }
  const collecting = collectHostMetrics({ directory: settings.home })
  yield* Effect.forkScoped(Effect.provideService(collecting, MetricStream, watched))
  return () => last
})

const databaseLayer = ({ databaseUrl, databaseDirectory }: Settings) =>
  Database.layer({
    url: databaseUrl === undefined ? undefined : Redacted.make(databaseUrl),
    dataDirectory: databaseDirectory,
  })

/** Language models and mail, and the one client that goes out. */
const modelsLayer = ({ egressAllow: allow, mail }: Settings) =>
  Llm.layer().pipe(
    Layer.provideMerge(Layer.mergeAll(llmModelsLayer, LlmUsage.layer, Mailer.layer(mail))),
    Layer.provide(modelCheckerLayer),
    Layer.provideMerge(Egress.layer({ allow })),
  )

/** The services over the database that people administer. */
const openPlatform = Effect.fnUntraced(function* (settings: Settings) {
  const keys = yield* Effect.tryPromise({
    try: () => readSecretKeys(settings),
    catch: (cause) => cause as BadSecretKeys,
  })
  const tenants = Layer.mergeAll(
    Tenants.layer,
    auditAnchorsLayer,
    PlatformSettings.layer,
    Directory.layer({ platform: developmentTenant, administrators: settings.administrators }),
    credentialsLayer,
    modelsLayer(settings),
    agentIndexLayer,
    alertIndexLayer,
    channelsLayer,
    chatIndexLayer,
    ruleIndexLayer,
    taskIndexLayer,
  ).pipe(Layer.provideMerge(Tenancy.layerRouted(platformTables)), Layer.provideMerge(Secrets.layer({ keys })))
  return yield* Layer.build(Layer.provideMerge(agentRecommendationsLayer, tenants))
})

/** What local tools get in: nothing where another provider logs people in. */
const developmentKey = Effect.fnUntraced(function* ({ home }: Settings, login: LoginConfig) {
  const none: Omit<NodeFile, "url"> = { apiKey: "", token: "" }
  if (login.developmentIssuer === undefined) return none
  const last = yield* Effect.promise(() => readNodeFile(home))
  const apiKey = yield* developmentApiKey(home, last?.apiKey)
  return { apiKey, token: apiKey }
})

/**
 * Starts everything and answers how to reach it, and the services it runs on. `ended` fails when the node cannot go on. Untraced: what it forks would
 * report under the span of the start for ever.
 */
export const startNode = Effect.fnUntraced(function* (settings: Settings, report: Report) {
  const { environment, web } = settings
  const login = yield* Effect.tryPromise({
    try: () => makeLoginConfig(settings.login, { environment, publicUrl: web.publicUrl }),
    catch: (cause) => cause as Error,
  })
  const incarnation = newIncarnation()
  ;(yield* NodeLog).setNode(incarnation)
  const access = yield* PlatformAccess.make
  const beginning = Effect.gen(function* () {
    const { services, givenUp } = yield* startStreams(settings, report)
    const engine = yield* startEngine(settings, incarnation).pipe(
      Effect.provide(Context.add(services, PlatformAccess, access)),
    )
    return { services: Context.add(services, Engine, engine), givenUp }
  })
  const [{ services, givenUp }, database] = yield* Effect.all(
    [beginning, Layer.build(databaseLayer(settings))],
    { concurrency: "unbounded" },
  )
  yield* report(`database ${Context.get(database, Database).mode} ${Context.get(database, Database).version}`)
  const below = Context.merge(services, database)
  const platform = yield* Effect.provide(openPlatform(settings), below)
  const nodeLanes = yield* makeLanes(Context.get(services, MetricStream))
  const lanes = Context.make(Lanes, nodeLanes.service)
  yield* access.fill({
    checkModels: Context.get(platform, LlmModels).checkHealth,
    access: Context.get(platform, Directory).access,
    agents: Context.get(platform, AgentIndex),
    recommendations: Context.get(platform, AgentRecommendations),
    alerts: Context.get(platform, AlertIndex),
    chats: Context.get(platform, ChatIndex),
    llm: Context.get(platform, Llm),
    models: Context.get(platform, LlmModels),
    defaultModel: (tenant) => Context.get(platform, PlatformSettings).get(tenant, "agents.default_model"),
    egress: Context.get(platform, Egress),
    mail: Context.get(platform, Mailer),
    channels: Context.get(platform, Channels),
    publicUrl: settings.web.publicUrl,
    tasks: Context.get(platform, TaskIndex),
    rules: Context.get(platform, RuleIndex),
    lanes: Context.get(lanes, Lanes),
    secrets: Context.get(platform, Secrets),
  })
  // Before what activities use is closed: an answer that only this end cut off would be one that failed.
  yield* Effect.addFinalizer(() => Context.get(services, Engine).drain)
  const laneHost = yield* Effect.provide(nodeLanes.run, services)
  // Their last outputs go to actors: lanes are handed over before the engine.
  yield* Effect.addFinalizer(() => laneHost.drain)
  yield* seedBuiltins(Context.get(services, Engine), developmentTenant)
  yield* Effect.provide(keepDefaultModel(settings, report), platform)
  const operations = Context.make(LaneOperations, laneHost.operations)
  const stored = Context.merge(Context.merge(below, platform), Context.merge(lanes, operations))
  const readSide = yield* Effect.provide(startReadSide(settings, incarnation), stored)
  const all = Context.merge(stored, readSide)
  const collector = yield* Effect.provide(startCollector(settings), all)
  yield* Effect.forkScoped(Effect.provide(resealSecrets(report), platform))
  yield* Effect.forkScoped(Effect.provide(pruneRows, platform))
  yield* Effect.forkScoped(Effect.provide(runEmbeddingUpkeep({ node: incarnation }), all))
  const { modelCheckEveryMs: everyMs } = settings
  yield* Effect.forkScoped(Effect.provide(runModelWatch({ everyMs }), all))
  yield* Effect.forkScoped(Effect.provide(runBuiltinSeeding, all))
  yield* Effect.forkScoped(Effect.provide(runOldRules, all))
  yield* Effect.forkScoped(Effect.provide(runPollResealing, all))
  yield* Effect.forkScoped(Effect.provide(runEntering(nodeLanes), all))
  const url = yield* Effect.provide(startGateway(settings, login, collector, nodeLanes), all)
  const node = { url, ...(yield* Effect.provide(developmentKey(settings, login), all)) }
  yield* Effect.promise(() => writeNodeFile(settings.home, node))
  return { node, ended: givenUp, services: all }
})
