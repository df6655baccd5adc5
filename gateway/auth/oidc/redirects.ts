/** Where an identity provider may send a browser back to: exactly what the operator lists, and nothing that looks like it. */

const isLoopback = (name: string): boolean => name === "localhost" || name === "127.0.0.1" || name === "[::1]"

/** An address that only this machine answers at, in the one spelling that `URL` gives it. */
const isLocal = (uri: string): boolean => {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname, username, password, hash, href } = new URL(uri)
  const isPlain = username === "" && password === "" && hash === "" && href === uri
  return isPlain && /^https?:$/.test(protocol) && isLoopback(hostname)
}

/** `anyLocal`: also every address of this machine, for development. */
export const redirectCheck = (
  listed: ReadonlyArray<string>,
  anyLocal: boolean,
): ((uri: string) => boolean) => {
  const exact = new Set(listed)
  return (uri) => exact.has(uri) || (anyLocal && isLocal(uri))
}
