/** Every bound and pause of the alert desk. Times are milliseconds by the desk's clock unless they say otherwise. */

/**
 * A group that people know nothing of yet waits so long for more alerts of it, unless the tenant says otherwise:
 * Alertmanager's `group_wait`. Other actions wait so long as well.
 */
export const groupWaitMs = 1_000
/** Between two notifications of a group, unless the tenant says otherwise: Alertmanager's `group_interval`. */
export const groupIntervalMs = 10_000

/**
 * Who posts an alert as to an Alertmanager and does not say when it ends has to say it again within so long, unless the tenant
 * says otherwise: Alertmanager's `resolve_timeout`.
 */
export const resolveTimeoutMs = 5 * 60_000

/** Channels that one alert from elsewhere is told to, whoever said them; more are left out. */
export const foreignChannelsMax = 32

/** So many changes within so long a time, by the alert's own times, and it flaps. */
export const flappingChanges = 6
export const flappingWithinMs = 10 * 60_000
/** Without a change for so long, it flaps no more. */
export const steadyAfterMs = 10 * 60_000

/** A resolved alert stays in the desk for so long; the database has it longer. */
export const resolvedKeptMs = 5 * 60_000
/** An alert that is to leave and that the database does not know yet stays so much longer. */
export const leaveAgainMs = 60_000
/** Alerts that the desk holds, resolved ones among them; above it they leave whether the database knows them or not. */
export const heldAlertsMax = 20_000

/** Bytes of all alerts, waiting matches and policies, and of what keeps alerts quiet: with the history below what a snapshot may have. */
export const deskBytesMax = 10 * 1024 * 1024
export const quietBytesMax = 2 * 1024 * 1024
/** Characters of all regular expressions in silences, planned work and inhibitions: what a new text of a label may cost. */
export const patternCharactersMax = 128 * 1024
/** Characters of patterns that a node keeps ready, of all tenants. */
export const compiledCharactersMax = 512 * 1024
/** Texts of labels of which a desk remembers which silences they fit. */
export const indexedTextsMax = 20_000
/** Of one answer with silences, planned work or inhibitions. */
export const quietPageBytesMax = 128 * 1024
/** What is kept of an alert's annotations. */
export const annotationsMax = 16
export const annotationCharactersMax = 2_000
/** Of the filled text of an action besides notifications. */
export const actionCharactersMax = 4_000
/** Moments of one alert whose actions can wait at a time. */
export const actsMax = 8
export const labelsMax = 64
export const detailCharactersMax = 1_000

/** Numbers of transitions that are remembered in each bucket, beyond those of its alerts. */
export const seenPerBucketMax = 128
/** Alerts that people resolved while their rules say that they hold, which the desk remembers; beyond it the newest. */
export const dismissedMax = 2_000
/** Matches of rules without states that wait for their actions. */
export const matchesWaitingMax = 1_000
/** Entries of the history that wait for the database; above it the oldest are given up. */
export const historyWaitingMax = 4_000
export const historyDetailCharactersMax = 200
export const historyLabelsMax = 8

/** Alerts and bytes of alerts in one notification; what does not fit is counted. */
export const notifiedAlertsMax = 100
export const notificationBytesMax = 16 * 1024
/** Once so much is on its way out of one decision, the rest waits for the next: together they fit into a journal entry. */
export const sendBytesMax = 96 * 1024
/** Groups that one decision looks at, and alerts in them whose inhibition it changes. */
export const groupsPerLook = 500
export const inhibitedPerLook = 2_000
/** Between two decisions on what is due. */
export const lookAgainMs = 20

/** Rows and bytes of one write to the database. */
export const indexRowsMax = 200
export const indexBytesMax = 96 * 1024
export const indexAfterMs = 50
export const indexAgainMs = 5_000
export const indexAgainMsMax = 5 * 60_000

/** Bytes of alerts that one decision ends since their rules began anew. */
export const endedBytesMax = 64 * 1024

/** The desk says that it is full until so many alerts are left. */
export const roomAgain = 0.9
