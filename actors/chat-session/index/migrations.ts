/** The tables of the index. Of a deleted session a row without content stays, so that nothing late comes back to it. */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
CREATE TABLE chat_sessions (
  tenant text NOT NULL,
  id text NOT NULL,
  revision bigint NOT NULL,
  deleted boolean NOT NULL,
  owner text NOT NULL,
  agent text NOT NULL,
  -- What a search looks through, in lower case.
  search_text text NOT NULL,
  last_activity bigint NOT NULL,
  -- The whole session, as lists show it.
  head jsonb NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX chat_sessions_by_activity ON chat_sessions (tenant, owner, last_activity DESC, id) WHERE NOT deleted;
${protect("chat_sessions")}
CREATE TABLE chat_messages (
  tenant text NOT NULL,
  session text NOT NULL,
  number int NOT NULL,
  message jsonb NOT NULL,
  PRIMARY KEY (tenant, session, number)
);
${protect("chat_messages")}
`

export const chatMigrations: ReadonlyArray<Migration> = [
  { id: "0001_chat", up: tables, down: "DROP TABLE chat_messages, chat_sessions;" },
]
