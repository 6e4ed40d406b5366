-- PostgREST connects as authenticator and becomes what the token says: api_anon without one,
-- api_data_producer to write. NOINHERIT: authenticator itself may do nothing.
-- Roles belong to the whole server, not to this database: those that are there are left as they are.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'api_anon') THEN
        CREATE ROLE api_anon NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'api_data_producer') THEN
        CREATE ROLE api_data_producer NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticator') THEN
        CREATE ROLE authenticator LOGIN NOINHERIT;
    END IF;
END
$$;

GRANT api_anon, api_data_producer TO authenticator;

\if :{?authenticator_password}
    ALTER ROLE authenticator PASSWORD :'authenticator_password';
\endif
