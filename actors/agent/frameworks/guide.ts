/** The built-in guide: says what it is, and hands questions about infrastructure over to `ops`. */
import { concernsInfrastructure, languageOf } from "../../../ops/index.ts"
import { asksForAlerts } from "./ops.ts"
import type { Utterance } from "./utterance.ts"

export const opsAgent = "ops"

const introduction = {
  en: [
    "I am the guide of this Millrace deployment, an offline agent: no language model is connected, so I cannot",
    "hold a free conversation or write texts. I can take you to the agent that knows the machines. Ask, for",
    'example, "what is the CPU usage now" or "average load over the last 5 minutes per host", and I hand the',
    'question over to the agent "ops". Ask "which alerts were there" to hear what the rules have reported. The agent',
    '"assistant" converses freely, once an administrator has registered a language model.',
  ].join(" "),
  ko: [
    "저는 이 Millrace 배포의 안내 에이전트입니다. 언어 모델이 연결되지 않은 오프라인 에이전트라서 자유로운 대화나",
    "글쓰기는 할 수 없습니다. 대신 장비를 아는 에이전트에게 연결해 드립니다. 예를 들어 “지금 CPU 사용률은?” 또는",
    "“최근 5분 평균 로드”라고 물으면 질문을 ops 에이전트에게 넘깁니다. “최근 알림”을 물으면 규칙이 알린 내용을 들을 수",
    "있습니다. 관리자가 언어 모델을 등록하면 assistant 에이전트와 자유롭게 대화할 수 있습니다.",
  ].join(" "),
}

export const guide = (question: string): Utterance =>
  concernsInfrastructure(question) || asksForAlerts(question)
    ? {
        _tag: "HandOver",
        toAgent: opsAgent,
        context: "full",
        reason:
          languageOf(question) === "ko"
            ? "인프라에 관한 질문이라 ops 에이전트가 답합니다"
            : "the question is about infrastructure, which the agent ops answers",
      }
    : { _tag: "Say", text: introduction[languageOf(question)], blocks: [] }
