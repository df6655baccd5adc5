/** Shows the API's description. Everything it writes is text. */
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

/** A schema with its references followed, twice at most: trees refer to themselves. */
const resolved = (schema, components, depth = 0) => {
  if (Array.isArray(schema)) return schema.map((item) => resolved(item, components, depth))
  if (typeof schema !== "object" || schema === null) return schema
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1)
    return depth >= 2 ? { see: name } : resolved(components[name], components, depth + 1)
  }
  return Object.fromEntries(
    Object.entries(schema).map(([name, part]) => [name, resolved(part, components, depth)]),
  )
}

const code = (value) =>
  element("pre", {}, element("code", { textContent: JSON.stringify(value, undefined, 2) }))

const titled = (title, ...children) =>
  children.length === 0 ? [] : [element("h4", { textContent: title }), ...children]

const parameter = ({ name, in: place, required, description, schema }) =>
  element(
    "div",
    {},
    element("code", { textContent: name }),
    ` in the ${place}${required ? "" : ", optional"}`,
    description === undefined ? "" : `: ${description}`,
    code(schema),
  )

const answer =
  (components) =>
  ([status, { description, content = {} }]) =>
    element(
      "div",
      {},
      element("dt", { textContent: status }),
      element(
        "dd",
        {},
        description,
        ...Object.entries(content).flatMap(([type, { schema }]) => [
          element("div", { textContent: type }),
          code(resolved(schema, components)),
        ]),
      ),
    )

const operation =
  (components) =>
  ([path, method, of]) => {
    const body = of.requestBody?.content["application/json"]
    const details = element(
      "details",
      { id: of.operationId },
      element(
        "summary",
        {},
        element("span", { className: "method", textContent: method.toUpperCase() }),
        element("code", { textContent: path }),
        of.summary,
      ),
    )
    // Made when it is opened: hundreds of schemas need not be laid out at once.
    details.addEventListener(
      "toggle",
      () =>
        details.append(
          element("p", {
            textContent: `Permission: ${of["x-millrace-permission"]}. Counts as: ${of["x-millrace-rate"]}.`,
          }),
          ...titled("Parameters", ...(of.parameters ?? []).map(parameter)),
          ...(body === undefined ? [] : titled("Body", code(resolved(body.schema, components)))),
          ...(body?.example === undefined ? [] : titled("Example", code(body.example))),
          ...titled("Answers", element("dl", {}, ...Object.entries(of.responses).map(answer(components)))),
        ),
      { once: true },
    )
    return details
  }

const show = ({ info, paths, tags, components }, wanted) => {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, of]) => [path, method, of]),
  )
  const found = all.filter(([path, , of]) =>
    `${path} ${of.operationId} ${of.summary}`.toLowerCase().includes(wanted),
  )
  document.getElementById("about").textContent = `Version ${info.version}. ${info.description}`
  document.getElementById("areas").replaceChildren(
    ...tags.flatMap(({ name }) => {
      const own = found.filter(([, , of]) => of.tags.includes(name))
      return own.length === 0
        ? []
        : [
            element(
              "section",
              {},
              element("h2", { textContent: name }),
              ...own.map(operation(components.schemas)),
            ),
          ]
    }),
  )
}

/** An address may name one operation: it is not there before the page is filled. */
const showNamed = () => {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (named === null) return
  named.open = true
  named.scrollIntoView()
}

const start = async () => {
  const description = await (await fetch("/openapi.json")).json()
  const search = document.getElementById("search")
  search.addEventListener("input", () => show(description, search.value.trim().toLowerCase()))
  show(description, "")
  showNamed()
  addEventListener("hashchange", showNamed)
}

start().catch((cause) => {
  document.getElementById("about").textContent = `The description cannot be read: ${cause}`
})
