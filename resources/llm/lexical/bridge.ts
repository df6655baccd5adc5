/**
 * What the offline embedder knows of two languages: everyday words of agents and their work, Korean and English in a row.
 * All forms in a row count as one word. A change here changes vectors: raise `lexicalModel`.
 */

/** Korean forms are also found inside compounds (`고객지원`); English ones by their stem. */
const rows = `
고객 손님 customer client
불만 민원 불편 클레임 complaint grievance dissatisfied
지원 support
문의 질문 inquiry enquiry question
상담 상담원 counsel consult
주문 order purchase
취소 cancel cancellation
환불 refund reimburse
반품 교환 return exchange
배송 택배 출고 delivery shipping shipment ship
물류 logistics
결제 지불 payment pay checkout
청구 청구서 송장 invoice billing bill
매출 판매 영업 sales revenue sell
마케팅 광고 marketing advertising advertisement campaign
가격 요금 비용 price pricing cost fee
예산 budget
회계 accounting bookkeeping ledger
재무 금융 finance financial
세금 세무 tax
보험 insurance
은행 banking bank
투자 주식 investment invest stock
계약 계약서 contract agreement
법률 법무 legal law
규정 규제 준수 compliance regulation
재고 inventory warehouse
상품 제품 product goods
추천 recommendation recommend suggest
보고서 리포트 report
요약 summary summarize summarise summarization summarizer
번역 통역 translation translate translator
한국어 한글 korean
영어 영문 english
일본어 japanese
중국어 chinese
문서 document
파일 file
검색 찾기 search retrieval
작성 글쓰기 writing write draft
교정 맞춤법 proofreading proofread grammar spelling
이메일 메일 email mail
일정 캘린더 스케줄 schedule calendar appointment
회의 미팅 회의록 meeting minutes
예약 booking reservation book reserve
여행 출장 travel trip
항공 비행 flight airline
호텔 숙소 hotel lodging accommodation
음식 식당 맛집 food restaurant
요리 레시피 cooking recipe cook
날씨 기상 weather forecast
채용 구인 면접 recruiting recruitment hiring interview hire
인사 인사팀 hr personnel
급여 연봉 월급 payroll salary wage
휴가 연차 vacation holiday leave
교육 학습 강의 training education learning course teaching
건강 의료 진료 health medical clinic
환자 patient
약 의약품 medicine drug pharmacy
분석 analysis analytics analyze analyse analyzer analyst
감정 감성 sentiment emotion
분류 classification classify categorize categorization
예측 prediction predict
통계 statistics statistical
차트 그래프 시각화 chart graph visualization visualize plot
데이터 data
데이터베이스 디비 database
쿼리 질의 query
코드 코딩 개발 프로그래밍 code coding programming developer development
버그 오류 에러 결함 bug error defect
테스트 시험 test testing
검토 리뷰 review
배포 릴리스 deploy deployment release rollout
장애 사고 인시던트 incident outage failure
원인 cause
복구 recovery restore recover
백업 backup
로그 log logging logs
모니터링 감시 monitoring monitor observability
경보 알림 알람 alert alarm notification notify
지표 메트릭 metric
서버 호스트 server host
네트워크 통신망 network
디스크 저장소 스토리지 disk storage
메모리 memory
클라우드 cloud
쿠버네티스 컨테이너 kubernetes container
인프라 infrastructure
보안 security secure
취약점 vulnerability
비밀번호 암호 password
계정 회원 account member
로그인 인증 login authentication signin
권한 permission authorization
설치 install installation setup
설정 구성 configuration configure setting
성능 지연 performance latency
사용률 사용량 usage utilization
품질 quality
제조 생산 공장 manufacturing factory production
설비 장비 기계 equipment machine machinery
정비 유지보수 maintenance repair
센서 sensor
반도체 semiconductor
이미지 사진 그림 image photo picture
영상 비디오 동영상 video
음성 speech voice audio
음악 노래 music song
디자인 design
게임 game
뉴스 기사 news article
논문 연구 paper research
수학 계산 math mathematics calculation calculate
과학 science
역사 history
특허 patent
프로젝트 project
업무 task
승인 결재 approval approve
절차 프로세스 workflow process procedure
자동화 automation automate
챗봇 대화 chatbot chat conversation
도움말 guide faq manual
소셜 sns social
부동산 realestate property
자동차 차량 car vehicle automotive
전력 에너지 전기 energy power electricity
농업 작물 agriculture crop farming
스포츠 축구 sports football soccer
`

const forms: ReadonlyArray<readonly [form: string, concept: string]> = rows
  .trim()
  .split("\n")
  .flatMap((row) => {
    const [concept, ...others] = row.split(" ") as [string, ...Array<string>]
    return [concept, ...others].map((form) => [form, concept] as const)
  })

const isKorean = (form: string): boolean => form >= "가"

/** By the form as it is written; the reader stems it the way it stems texts. */
export const englishForms = forms.filter(([form]) => !isKorean(form))

/** Longest first: `데이터베이스` is no `데이터`. */
export const koreanForms = forms
  .filter(([form]) => isKorean(form))
  .sort(([one], [other]) => other.length - one.length)
