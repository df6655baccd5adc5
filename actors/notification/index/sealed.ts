/** Where the settings of channels are sealed, each bound to its channel. A change here makes them unreadable. */
import type { SealedColumn } from "../../../resources/index.ts"

export const channelPlace = (tenant: string, channel: string): string => `cep-channel/${tenant}/${channel}`

export const channelSecrets: ReadonlyArray<SealedColumn> = [
  {
    kind: "notification-channels",
    table: "cep_channels",
    id: "id",
    column: "sealed",
    objectType: "channel",
    place: channelPlace,
  },
]
