/** The wire contracts of Millrace. Imports only effect. */
export type {
  AnyProtocol,
  Codec,
  CommandMap,
  CommandValue,
  Fields,
  FieldsMap,
  Outgoing,
  PlainCodec,
  Protocol,
  RejectionOf,
  ReplyOf,
  Tagged,
} from "./protocol.ts"
export { codecOf, codecsOf, command, namePattern, protocol } from "./protocol.ts"
