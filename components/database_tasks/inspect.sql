-- Shows what the database server holds: its version, roles and databases, and of each application the tables with the
-- rows that the server last counted. It reads catalogues only: no row of a table, and no password.

\getenv backstage_database BACKSTAGE_DATABASE
\getenv prefect_database PREFECT_DATABASE

SELECT current_setting('server_version') AS version, current_user AS role,
    (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted;

SELECT rolname AS role, rolcanlogin AS signs_in, rolsuper OR rolcreaterole OR rolcreatedb AS administers
FROM pg_roles
WHERE rolname !~ '^pg_'
ORDER BY rolname;

SELECT datname AS database, pg_get_userbyid(datdba) AS owner,
    (SELECT count(*) FROM pg_stat_activity AS activity WHERE activity.datname = pg_database.datname) AS connections
FROM pg_database
WHERE NOT datistemplate
ORDER BY datname;

SELECT EXISTS (SELECT FROM pg_database WHERE datname = :'backstage_database') AS backstage_made,
    EXISTS (SELECT FROM pg_database WHERE datname = :'prefect_database') AS prefect_made \gset

\set tables 'SELECT current_database() AS database, nspname AS schema, relname AS table, reltuples::bigint AS rows FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relkind IN (\'r\', \'p\') AND nspname NOT IN (\'pg_catalog\', \'information_schema\') ORDER BY nspname, relname;'

\if :backstage_made
\connect :"backstage_database"
:tables
\endif
\if :prefect_made
\connect :"prefect_database"
:tables
\endif
