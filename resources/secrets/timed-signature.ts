/** Signs what is told to others elsewhere, so that they know who told it and when. */
import { createHmac } from "node:crypto"

/** HMAC-SHA256 over the time and the text: what was recorded on its way cannot be told again later. Units: seconds. */
export const timedSignature = (secret: string, seconds: number, text: string): string =>
  `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${text}`).digest("hex")}`
