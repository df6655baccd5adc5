/** What others may use of the actors: each kind with its projection and queries. */
export { type AgentCaller, mayChangeAgent, mayUseAgent, missingPermission } from "./agent/access.ts"
export { builtinAgents } from "./agent/builtin.ts"
export { isHeaderText, mayCarryCredentials } from "./agent/frameworks/remote/address.ts"
export { templateTrouble } from "./agent/frameworks/template.ts"
export {
  AgentIndex,
  type AgentIndexService,
  type AgentSearch,
} from "./agent/index/agent-index.ts"
export { agentIndexLayer } from "./agent/index/layer.ts"
export { agentRecommendationsLayer } from "./agent/recommend/layer.ts"
export {
  AgentRecommendations,
  type Recommendation,
  type RecommendationsService,
  type Recommended,
  type RecommendQuestion,
} from "./agent/recommend/recommendations.ts"
export { runEmbeddingUpkeep } from "./agent/recommend/upkeep.ts"
export { AlertIndex, type AlertIndexService, type AlertSearch } from "./alert-desk/index/alert-index.ts"
export { alertIndexLayer } from "./alert-desk/index/layer.ts"
export type { HistoryEntry } from "./alert-desk/state.ts"
export { runBuiltinSeeding, seedBuiltins } from "./builtins.ts"
export { compileCondition } from "./cep/expression/compile.ts"
export { HeldBytes } from "./cep/held-bytes.ts"
export type { Item } from "./cep/item.ts"
export { runEntering } from "./cep/lane/entering.ts"
export { homeName } from "./cep/lane/home.ts"
export {
  LaneOperations,
  type LaneProblem,
  type LaneStatus,
  Lanes,
  type LanesService,
  mendOf,
  type RuleReport,
} from "./cep/lane/lanes.ts"
export type { LaneFigures } from "./cep/lane/live-lane.ts"
export { type LanesOptions, makeLanes, type NodeLanes } from "./cep/lane/make-lanes.ts"
export { type LaneEvaluator, makeEvaluator, readingOf } from "./cep/make-evaluator.ts"
export { compilePattern } from "./cep/patterns/compile-pattern.ts"
export { Backtest, type BacktestResult, type Firing } from "./cep/replay/backtest.ts"
export { readCsv } from "./cep/replay/csv.ts"
export type { Explanation } from "./cep/replay/explain.ts"
export type { PastMessage, PastRule } from "./cep/replay/past-run.ts"
export { conditionWarnings } from "./cep/rule/always-holds.ts"
export { compatibility } from "./cep/rule/compatibility.ts"
export { roomWarnings } from "./cep/rule/room-warnings.ts"
export { ruleTemplates } from "./cep/rule/templates.ts"
export { builtinRules } from "./cep-rule/builtin.ts"
export { consumedEvents, cycleOf, publishedEvents } from "./cep-rule/event-flow.ts"
export { explainRule } from "./cep-rule/explained.ts"
export { ruleIndexLayer } from "./cep-rule/index/layer.ts"
export { type ListedRule, RuleIndex, type RuleIndexService } from "./cep-rule/index/rule-index.ts"
export { runOldRules } from "./cep-rule/old-rules.ts"
export { backtestMessages, backtestStream, inTurn, messagesOf } from "./cep-rule/past.ts"
export { ruleProblems } from "./cep-rule/rule-problems.ts"
export { ChatIndex, type ChatIndexService } from "./chat-session/index/chat-index.ts"
export { chatIndexLayer } from "./chat-session/index/layer.ts"
export { EngineAccess } from "./engine-access.ts"
export { implementations } from "./implementations.ts"
export { kinds } from "./kinds.ts"
export { LockNotHeld, type LockOptions, withLock } from "./lock/with-lock.ts"
export { pollOrigin, sealPollCredential } from "./metric-poll/credential.ts"
export { runPollResealing } from "./metric-poll/reseal.ts"
export {
  Channels,
  type ChannelsService,
  type ListedDelivery,
  type ShownChannel,
} from "./notification/index/channels.ts"
export { channelsLayer } from "./notification/index/layer.ts"
export { type Platform, PlatformAccess } from "./platform-access.ts"
export { CallCounter, type CallCounterService } from "./statistics/call-counter.ts"
export { readStatistics } from "./statistics/statistics.ts"
export { taskIndexLayer } from "./task/index/layer.ts"
export { TaskIndex, type TaskIndexService, type TaskPosition } from "./task/index/task-index.ts"
export { readTask } from "./task/read-task.ts"
export { openReceiver, type Receiver, sealReceiver } from "./task/receiver.ts"
export { timestampOf, wireBlocks, wirePiece, wireStates, wireStatusUpdate, wireTask } from "./task/wire.ts"
export { platformTables } from "./tenant-tables.ts"
export { entryRow } from "./trace/hops.ts"
export { defaultTraceLimits, type TraceLimits } from "./trace/limits.ts"
export { type TraceProjectorConfig, traceProjectorLayer } from "./trace/projector.ts"
export { spanOf } from "./trace/queries.ts"
export { reportedRows } from "./trace/reported.ts"
export {
  type Positions,
  type ProjectionProgress,
  searchLimitMax,
  type TraceSearch,
  TraceStore,
} from "./trace/store.ts"
export { type TraceStoreConfig, traceStoreLayer } from "./trace/store-layer.ts"
export { treeOf, visibleTo } from "./trace/tree.ts"
export { runModelWatch, type WatchModelsOptions } from "./watch-models.ts"
