/**
 * The channels of a tenant, which are settings of its people: their secrets are sealed here and opened where something is
 * delivered. Beside them what became of deliveries, a projection that each channel's actor keeps.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { ChangedBy, Page, PageOf, Refused } from "../../../resources/index.ts"
import type { Channel, DeliveryAttempt, DeliveryStatus } from "../../../schemas/index.ts"
import type { Over } from "../state.ts"

/** Of one tenant. */
export const channelsMax = 200
/** Deliveries of one channel that lists know. */
export const deliveriesKeptMax = 1_000

/** As everybody may see it: a mask stands in place of each secret. */
export interface ShownChannel extends Channel {
  /** Grows with each change; 0 of the default one that nobody changed. */
  readonly version: number
  readonly updatedAt: number | undefined
  readonly updatedBy: string | undefined
}

export interface ListedDelivery extends DeliveryAttempt {
  readonly channel: string
}

export interface DeliverySearch extends PageOf {
  readonly channel?: string | undefined
  readonly status?: DeliveryStatus | undefined
}

export interface ChannelsService {
  /** By name; the default channel is there unless somebody made it another one. */
  readonly list: (tenant: string) => Effect.Effect<ReadonlyArray<ShownChannel>, Refused | SqlError>
  readonly find: (tenant: string, id: string) => Effect.Effect<ShownChannel | undefined, Refused | SqlError>
  /** With its secrets. For deliveries alone. */
  readonly open: (tenant: string, id: string) => Effect.Effect<Channel | undefined, Refused | SqlError>
  /**
   * Makes or replaces it, and the change is in the audit log. A mask that comes back keeps the secret that it stands for.
   * Errors: `CEP_CHAN_002` with what is wrong with which field; `CEP_CHAN_003` too many; `CEP_CHAN_004` it exists (only
   * with `create`); `CEP_CHAN_008` it is of another version than `expected`, 0 for one that is not there.
   */
  readonly put: (
    by: ChangedBy,
    channel: Channel,
    edit: { readonly create?: boolean; readonly expected?: number | undefined },
  ) => Effect.Effect<{ readonly channel: ShownChannel; readonly created: boolean }, Refused | SqlError>
  /** False when there was none. Errors: `CEP_CHAN_008` it is of another version than `expected`. */
  readonly remove: (
    by: ChangedBy,
    id: string,
    expected: number | undefined,
  ) => Effect.Effect<boolean, Refused | SqlError>
  /** Idempotent; an older revision changes nothing. `last`: the number of the channel's newest delivery. */
  readonly keep: (
    tenant: string,
    channel: string,
    deliveries: { readonly rows: ReadonlyArray<Over>; readonly last: number },
  ) => Effect.Effect<void, Refused | SqlError>
  /** Newest first, of all channels. */
  readonly deliveries: (
    tenant: string,
    search: DeliverySearch,
  ) => Effect.Effect<Page<ListedDelivery>, Refused | SqlError>
}

export class Channels extends Context.Service<Channels, ChannelsService>()("millrace/actors/Channels") {}
