/** Agents and questions in two languages, made up from parts, the same each time. */
import { agentView } from "../../test/support/recommend.ts"

const areas = [
  ["고객 불만", "customer complaints"],
  ["매출 보고서", "sales reports"],
  ["주문 취소와 환불", "order cancellations and refunds"],
  ["배송 문의", "delivery inquiries"],
  ["서버 로그", "server logs"],
  ["장애 원인", "incident causes"],
  ["쿠버네티스 배포", "Kubernetes deployments"],
  ["데이터베이스 쿼리", "database queries"],
  ["계약서 문서", "contract documents"],
  ["회의록 일정", "meeting minutes and calendars"],
  ["휴가와 급여", "vacation and payroll"],
  ["채용 면접", "recruiting interviews"],
  ["마케팅 이메일", "marketing emails"],
  ["재고 물류", "inventory and logistics"],
  ["반도체 설비 정비", "semiconductor equipment maintenance"],
  ["보안 취약점", "security vulnerabilities"],
  ["특허 논문", "patents and papers"],
  ["보험 청구", "insurance billing"],
  ["여행 예약", "travel bookings"],
  ["음성 이미지", "voice and images"],
] as const

const deeds = [
  ["요약", "Summarizes"],
  ["분석", "Analyzes"],
  ["번역", "Translates"],
  ["분류", "Classifies"],
  ["검색", "Searches"],
  ["작성", "Writes"],
  ["검토", "Reviews"],
  ["예측", "Forecasts"],
  ["모니터링", "Monitors"],
  ["자동화", "Automates"],
] as const

const departments = ["CS팀", "AI팀", "데이터팀", "영업팀", "인프라팀"]
const companies = Array.from({ length: 50 }, (_, index) => `${"가나다라마"[index % 5]}온${index}`)

/** Half of them public, a quarter of teams, a quarter private. */
export const makeAgent = (index: number) => {
  const [area, deed] = [areas[index % areas.length]!, deeds[Math.floor(index / areas.length) % deeds.length]!]
  const other = areas[(index * 7 + 3) % areas.length]!
  const isKorean = index % 3 !== 0
  const company = companies[index % companies.length]!
  return agentView(`agent-${index}`, {
    name: isKorean ? `${company} ${area[0]} ${deed[0]} 도우미` : `${company} ${area[1]} agent`,
    description: isKorean
      ? `${area[0]}에 대한 자료를 ${deed[0]}하고 결과를 알려 줍니다. ${other[0]}도 다룹니다.`
      : `${deed[1]} ${area[1]} and tells what it found. Knows ${other[1]} too.`,
    skills: [
      {
        id: "first",
        name: isKorean ? `${area[0]} ${deed[0]}` : `${deed[1]} ${area[1]}`,
        description: isKorean ? `${area[0]} 담당자를 돕습니다` : `For whoever works on ${area[1]}`,
        tags: [area[1].split(" ")[0]!],
      },
    ],
    department: departments[index % departments.length]!,
    owner: `user-${index % 500}`,
    accessLevel: (["public", "team", "public", "private"] as const)[index % 4]!,
    allowedTeams: [departments[(index + 1) % departments.length]!],
  })
}

/** What is embedded of such an agent. */
export const textOf = ({ name, description, skills }: ReturnType<typeof makeAgent>): string =>
  [
    name,
    description,
    ...skills.flatMap((skill) => [skill.name, skill.description, ...(skill.tags ?? [])]),
  ].join("\n")

/** With a number in each, so that no two are the same. */
export const questions = Array.from({ length: 200 }, (_, index) => {
  const [area, deed] = [areas[(index * 3) % areas.length]!, deeds[index % deeds.length]!]
  return index % 2 === 0
    ? `${area[0]} ${deed[0]}을 도와줄 에이전트가 필요해 ${index}`
    : `I need an agent that ${deed[1].toLowerCase()} ${area[1]} ${index}`
})

const nonsense = "고양이 낮잠 소나무 파도 김치찌개 별자리 수채화 뜨개질 조약돌 무지개 나비 첼로".split(" ")
const nonsenseEnglish =
  "quantum lattice whale violin glacier mushroom saxophone volcano penguin origami comet tulip".split(" ")

/** Of nothing that any agent is about. */
export const unrelated = Array.from({ length: 200 }, (_, index) => {
  const words = index % 2 === 0 ? nonsense : nonsenseEnglish
  const word = (step: number) => words[(index * step + step) % words.length]!
  return `${word(1)} ${word(5)} ${word(7)} ${index}`
})
