/**
 * The API's description as a page for people: one file, no other site, and a policy that lets exactly this script and
 * this style run. The script reads `/openapi.json` and writes text only, so that nothing in it can become markup.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"

const fileText = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8")

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

export interface Page {
  readonly html: string
  readonly contentSecurityPolicy: string
}

export const docsPage = (): Page => {
  const style = fileText("page.css")
  const script = fileText("page-script.js")
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace API</title>
<style>${style}</style>
</head>
<body>
<header><h1>Millrace API</h1><p id="about"></p><input id="search" type="search" placeholder="Search" aria-label="Search"></header>
<main id="areas"><noscript>The description is at /openapi.json.</noscript></main>
<script>${script}</script>
</body>
</html>
`,
    contentSecurityPolicy: [
      "default-src 'none'",
      `script-src ${hashOf(script)}`,
      `style-src ${hashOf(style)}`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  }
}
