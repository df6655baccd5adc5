/** Logs in as a script does: through the development issuer, the way a browser goes, without a page to click on. */

export interface LoginAs {
  readonly groups?: ReadonlyArray<string>
  readonly department?: string
  readonly tenant?: string
}

export interface BegunLogin {
  readonly url: URL
  /** What the browser would send as `Cookie`. */
  readonly cookie: string
}

export interface FinishedLogin {
  readonly token: string
  /** Text of the refresh token. */
  readonly refreshToken: string
  readonly user: {
    readonly username: string
    readonly username_kr: string
    readonly email: string
    readonly role: string
  }
}

export const cookiesOf = (response: Response): ReadonlyMap<string, string> =>
  new Map(
    response.headers.getSetCookie().map((cookie) => {
      const [pair = ""] = cookie.split(";", 1)
      const at = pair.indexOf("=")
      return [pair.slice(0, at), pair.slice(at + 1)] as const
    }),
  )

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  })

export const beginLogin = async (
  node: string,
  redirectUri = "http://localhost/callback",
): Promise<BegunLogin> => {
  const response = await post(`${node}/api/auth/login/`, { redirect_uri: redirectUri })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`login: ${response.status} ${text}`)
  const { sso_login_url } = JSON.parse(text) as { sso_login_url: string }
  return {
    url: new URL(sso_login_url),
    cookie: `millrace_login=${cookiesOf(response).get("millrace_login")}`,
  }
}

/** What the issuer sends the browser back with. */
export const chooseUser = async (
  { url }: BegunLogin,
  username: string,
  { groups, department, tenant }: LoginAs = {},
): Promise<{ readonly code: string; readonly state: string }> => {
  const target = new URL(url)
  const more = { prompt: "none", login_hint: username, groups: groups?.join(","), department, tenant }
  for (const [name, value] of Object.entries(more))
    if (value !== undefined) target.searchParams.set(name, value)
  const response = await fetch(target, { redirect: "manual" })
  const location = response.headers.get("location")
  if (location === null) throw new Error(`authorize: ${response.status} ${await response.text()}`)
  const { searchParams } = new URL(location)
  return { code: searchParams.get("code")!, state: searchParams.get("state")! }
}

export const finishLogin = (node: string, body: unknown, cookie: string): Promise<Response> =>
  post(`${node}/api/auth/callback/`, body, cookie === "" ? {} : { cookie })

export const logIn = async (node: string, username: string, as: LoginAs = {}): Promise<FinishedLogin> => {
  const begun = await beginLogin(node)
  const response = await finishLogin(node, await chooseUser(begun, username, as), begun.cookie)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`callback: ${response.status} ${text}`)
  const { access_token, user } = JSON.parse(text) as { access_token: string; user: FinishedLogin["user"] }
  return { token: access_token, refreshToken: cookiesOf(response).get("millrace_refresh")!, user }
}
