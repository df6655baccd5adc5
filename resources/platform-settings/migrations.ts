/** The tables of settings: only what people set is stored; what is not there is as the code says. */
import type { Migration } from "../sql/migrate.ts"
import { protect } from "../tenants/row-security.ts"

const tables = `
CREATE TABLE platform_settings (
  tenant text NOT NULL,
  category text NOT NULL,
  name text NOT NULL,
  value jsonb NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  changed_by text NOT NULL,
  PRIMARY KEY (tenant, category, name)
);
${protect("platform_settings")}
CREATE TABLE setting_categories (
  tenant text NOT NULL,
  category text NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant, category)
);
${protect("setting_categories", "SELECT, INSERT, UPDATE")}
`

export const settingMigrations: ReadonlyArray<Migration> = [
  { id: "0001_settings", up: tables, down: "DROP TABLE platform_settings, setting_categories;" },
]
