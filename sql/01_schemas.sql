-- core: the tables and their types. PostgREST does not expose it.
-- api:  what PostgREST exposes. Views only, never the tables.

CREATE SCHEMA IF NOT EXISTS core;
CREATE SCHEMA IF NOT EXISTS api;
