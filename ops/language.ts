/** Which language a question is in, so that the answer is in the same one. */
export type Language = "ko" | "en"

export const languageOf = (text: string): Language =>
  /[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]/.test(text) ? "ko" : "en"
