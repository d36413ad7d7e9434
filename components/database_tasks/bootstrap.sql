-- Makes the roles and the databases of Backstage and Prefect. Running it again changes nothing but the passwords,
-- which are set to what the secrets hold; a run that broke off is completed by the next one.
--
-- No password reaches a log. The secrets come as rows of COPY, which `log_statement` doesn't show, and not as text of
-- a statement. What uses them stands in DO, whose inner statements aren't logged unless they fail; so each failure is
-- caught, and told without its text.

\set VERBOSITY terse
SET client_min_messages = warning;
SET password_encryption = 'scram-sha-256';

-- Two runs at once wait for each other.
DO $$ BEGIN PERFORM pg_advisory_lock(hashtext('database bootstrap')); END $$;

\getenv backstage_database BACKSTAGE_DATABASE
CREATE TEMP TABLE backstage_secret (line bigint GENERATED ALWAYS AS IDENTITY, body text);
CREATE TEMP TABLE prefect_secret (line bigint GENERATED ALWAYS AS IDENTITY, body text);
-- The delimiter and the quote are characters that no secret holds, so that each line of one is a row as it stands.
\copy backstage_secret (body) FROM PROGRAM 'printenv BACKSTAGE_DB_SECRET_JSON' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
\copy prefect_secret (body) FROM PROGRAM 'printenv PREFECT_DATABASE_URL' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')

CREATE TEMP TABLE account (
    application text PRIMARY KEY,
    username text NOT NULL CHECK (octet_length(username) BETWEEN 1 AND 63),
    password text NOT NULL CHECK (password <> ''),
    database text NOT NULL CHECK (octet_length(database) BETWEEN 1 AND 63)
);

CREATE FUNCTION pg_temp.unquoted(quoted text) RETURNS text LANGUAGE sql AS $$
    SELECT convert_from(
        string_agg(
            CASE WHEN piece[1] ~ '^%..$' THEN decode(substring(piece[1] FROM 2), 'hex') ELSE convert_to(piece[1], 'UTF8') END,
            '' ORDER BY place
        ),
        'UTF8'
    )
    FROM regexp_matches(quoted, '%[0-9A-Fa-f]{2}|.', 'g') WITH ORDINALITY AS pieces (piece, place)
$$;

CREATE TEMP TABLE named AS SELECT :'backstage_database'::text AS backstage_database;

DO $$
BEGIN
    BEGIN
        INSERT INTO account
        SELECT 'Backstage', body::jsonb ->> 'username', body::jsonb ->> 'password', backstage_database
        FROM (SELECT string_agg(body, E'\n' ORDER BY line) AS body FROM backstage_secret) AS secret, named;
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION 'BACKSTAGE_DB_SECRET_JSON: accepted: JSON with `username` and `password`';
    END;
    BEGIN
        INSERT INTO account
        SELECT 'Prefect', pg_temp.unquoted(parts[1]), pg_temp.unquoted(parts[2]), pg_temp.unquoted(parts[3])
        FROM (SELECT regexp_match(string_agg(body, ''), '^[a-z+]+://([^:/@?]+):([^:/@?]+)@[^/@?]+/([^/@?]+)(?:[?]|$)') AS parts
              FROM prefect_secret) AS url;
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION 'PREFECT_DATABASE_URL: accepted: a PostgreSQL URL with user, password, host and database';
    END;
END
$$;

-- Nothing is changed until everything is known to fit.
DO $$
DECLARE
    wanted record;
BEGIN
    IF (SELECT count(DISTINCT username) < 2 OR count(DISTINCT database) < 2 FROM account) THEN
        RAISE EXCEPTION 'Backstage and Prefect have the same role or the same database; accepted: one for each';
    END IF;
    FOR wanted IN SELECT * FROM account ORDER BY application LOOP
        IF wanted.username = current_user OR EXISTS (
            SELECT FROM pg_roles
            WHERE rolname = wanted.username AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
        ) THEN
            RAISE EXCEPTION 'the role % of % may administer the database; accepted: a role that may only sign in',
                quote_ident(wanted.username), wanted.application;
        END IF;
        IF EXISTS (
            SELECT FROM pg_database
            WHERE datname = wanted.database AND pg_get_userbyid(datdba) <> wanted.username
        ) THEN
            RAISE EXCEPTION 'the database % belongs to another role than %; rename it, or change its owner',
                quote_ident(wanted.database), quote_ident(wanted.username);
        END IF;
    END LOOP;
END
$$;

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT * FROM account ORDER BY application LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.username) THEN
                EXECUTE format('CREATE ROLE %I', wanted.username);
            END IF;
            EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', wanted.username, wanted.password);
            -- Who makes a database for another role must be a member of it.
            EXECUTE format('GRANT %I TO %I', wanted.username, current_user);
        EXCEPTION WHEN OTHERS THEN
            RAISE EXCEPTION 'the role of % can''t be made or changed (SQLSTATE %)', wanted.application, SQLSTATE;
        END;
    END LOOP;
END
$$;

SELECT format('CREATE DATABASE %I OWNER %I', database, username)
FROM account
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = database)
ORDER BY application \gexec

-- Only its own role connects to a database, and the administrator, who inspects it.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', database) FROM account ORDER BY application \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', database, current_user) FROM account ORDER BY application \gexec
SELECT format('REVOKE %I FROM %I', username, current_user) FROM account ORDER BY application \gexec

SELECT application, username AS role, database, 'ready' AS state FROM account ORDER BY application;
