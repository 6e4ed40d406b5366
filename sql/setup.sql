-- Sets up everything that bulkload's own tests and sandbox load into.
--
--     psql -f sql/setup.sql postgresql://...
--     psql -v authenticator_password=... -f sql/setup.sql postgresql://...
--
-- Can be run again at any time: it adds what is missing and keeps every row.
-- Without the variable authenticator's password stays what it is.

\set ON_ERROR_STOP on
SET client_min_messages = warning;

BEGIN;
\ir 01_schemas.sql
\ir 02_types.sql
\ir 03_tables.sql
\ir 04_views.sql
\ir 05_roles.sql
\ir 06_grants.sql
COMMIT;

-- A PostgREST that is up reads the schema again; without one nobody hears it.
NOTIFY pgrst, 'reload schema';
