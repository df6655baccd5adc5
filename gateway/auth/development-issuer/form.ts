/** The page on which somebody chooses who to be. Every text of the request is escaped; nothing in it is run. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (one) => entities[one]!)

const hidden = ([name, value]: readonly [string, string]) =>
  `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`

const field = (name: string, label: string, value: string, more = "") =>
  `<p><label>${label}<br><input name="${name}" value="${escapeHtml(value)}" ${more}></label></p>`

/** `kept`: what comes back with the choice, as it came. */
export const chooserPage = (
  action: string,
  kept: ReadonlyArray<readonly [string, string]>,
  suggested: string,
): string =>
  [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Millrace: development login</title>',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    "<h1>Development login</h1><p>Nobody is asked for a password here. This page does not exist in production.</p>",
    `<form method="post" action="${escapeHtml(action)}">`,
    ...kept.map(hidden),
    field("login_hint", "User name", suggested, 'required maxlength="128" autofocus'),
    field("groups", "Groups, with commas", ""),
    field("department", "Department", ""),
    '<p><button type="submit">Log in</button></p></form></html>',
  ].join("\n")
