/** Marks text that somebody else wrote, so that a model can tell it from what it was told to do. */

/** The mark cannot be closed, nor opened, by the text itself. */
export const asData = (from: string, text: string): string =>
  `<data from="${from.replaceAll(/["<>]/g, "'")}">\n${text.replaceAll(/<(\/?data)/gi, "‹$1")}\n</data>`
