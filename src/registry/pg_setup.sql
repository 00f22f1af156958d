-- What Lũy's SQL and the SQL of packs use and PostgreSQL lacks, as SQLite 3.40
-- defines it. Run once for a database, and again when this text has changed.
CREATE SCHEMA IF NOT EXISTS luy;
CREATE SCHEMA IF NOT EXISTS luy_sql;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA luy_sql;
SET LOCAL search_path = luy_sql, pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION luy_sql.instr(text, text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT pg_catalog.strpos($1, $2)::bigint $$;
-- base/text.h text_fold
CREATE OR REPLACE FUNCTION luy_sql.fold(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10
AS $$ SELECT pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.replace(pg_catalog.lower(
  pg_catalog.normalize(t, 'NFKD') COLLATE "und-x-icu"), 'đ', 'd'),
  U&'[\0300-\036f\0483-\0487\0591-\05bd\0610-\061a\064b-\065f\1ab0-\1aff\1dc0-\1dff\20d0-\20dc\20e1\20e5-\20f0\302a-\302d\3099\309a\fe00-\fe0f\fe20-\fe2f]',
  '', 'g'), U&'[\0009-\000d\0020\0085\00a0\1680\2000-\200a\2028\2029\202f\205f\3000]+', ' ', 'g') COLLATE "C" $$;

CREATE OR REPLACE FUNCTION luy_sql.substr(text, bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT CASE WHEN $2 < 0 THEN pg_catalog.right($1, (-$2)::int) ELSE pg_catalog.substr($1, $2::int) END $$;
CREATE OR REPLACE FUNCTION luy_sql.substr(text, bigint, bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT pg_catalog.substr(luy_sql.substr($1, $2), 1, pg_catalog.int4larger($3::int, 0)) $$;
CREATE OR REPLACE FUNCTION luy_sql.substr(text, integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT luy_sql.substr($1, $2::bigint) $$;
CREATE OR REPLACE FUNCTION luy_sql.substr(text, integer, integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT luy_sql.substr($1, $2::bigint, $3::bigint) $$;
CREATE OR REPLACE FUNCTION luy_sql.round(double precision, bigint) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT pg_catalog.round($1::numeric, $2::int)::double precision $$;
CREATE OR REPLACE FUNCTION luy_sql.ifnull(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce($1, $2) $$;
CREATE OR REPLACE FUNCTION luy_sql.iif(boolean, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN $1 THEN $2 ELSE $3 END $$;
CREATE OR REPLACE FUNCTION luy_sql.max(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT greatest($1, $2) $$;
CREATE OR REPLACE FUNCTION luy_sql.min(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT least($1, $2) $$;

CREATE OR REPLACE AGGREGATE luy_sql.group_concat(text, text) (SFUNC = pg_catalog.string_agg_transfn, STYPE = internal,
  FINALFUNC = pg_catalog.string_agg_finalfn);
CREATE OR REPLACE FUNCTION luy_sql.comma_add(text, text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce($1 || coalesce(',' || $2, ''), $2) $$;
CREATE OR REPLACE AGGREGATE luy_sql.group_concat(text) (SFUNC = luy_sql.comma_add, STYPE = text);

-- A moment moved by modifiers. SQLite keeps the day of the month when months
-- are added and lets it run over: 2026-08-31 less six months is 2026-03-03.
CREATE OR REPLACE FUNCTION luy_sql.moment_move(t timestamp, mods text[]) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 50 AS $$
DECLARE
  m text;
  p text[];
  months bigint;
BEGIN
  FOREACH m IN ARRAY mods LOOP
    IF t IS NULL OR m IS NULL THEN
      RETURN NULL;
    END IF;
    m := pg_catalog.lower(pg_catalog.btrim(m));
    p := pg_catalog.regexp_match(m, '^([+-]?[0-9]{1,12}(?:\.[0-9]+)?) +(day|hour|minute|second|month|year)s?$');
    IF p IS NOT NULL AND p[2] IN ('month', 'year') THEN
      IF p[1] LIKE '%.%' THEN
        RETURN NULL;
      END IF;
      months := p[1]::bigint * CASE p[2] WHEN 'year' THEN 12 ELSE 1 END
        + extract(year FROM t)::bigint * 12 + extract(month FROM t)::bigint - 1;
      IF months < 0 OR months >= 120000 THEN
        RETURN NULL;
      END IF;
      t := pg_catalog.make_timestamp((months / 12)::int, (months % 12)::int + 1, 1, 0, 0, 0)
        + pg_catalog.make_interval(days => extract(day FROM t)::int - 1) + (t - pg_catalog.date_trunc('day', t));
    ELSIF p IS NOT NULL THEN
      t := t + p[1]::double precision * CASE p[2] WHEN 'day' THEN interval '24 hours' WHEN 'hour' THEN interval '1 hour'
        WHEN 'minute' THEN interval '1 minute' ELSE interval '1 second' END;
    ELSIF m IN ('start of day', 'start of month', 'start of year') THEN
      t := pg_catalog.date_trunc(pg_catalog.substr(m, 10), t);
    ELSIF m ~ '^weekday [0-6]$' THEN
      t := t + pg_catalog.make_interval(days => (pg_catalog.right(m, 1)::int - extract(dow FROM t)::int + 7) % 7);
    ELSIF m ~ '^[+-][0-9][0-9]:[0-9][0-9](:[0-9][0-9])?$' THEN
      t := t + CASE pg_catalog.left(m, 1) WHEN '-' THEN -1 ELSE 1 END * pg_catalog.substr(m, 2)::interval;
    ELSE
      RETURN NULL;
    END IF;
  END LOOP;
  RETURN t;
EXCEPTION WHEN datetime_field_overflow OR interval_field_overflow OR numeric_value_out_of_range THEN
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION luy_sql.moment(v text, mods text[]) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 50 AS $$
DECLARE
  p text[];
  t timestamp;
BEGIN
  p := pg_catalog.regexp_match(v, '^([0-9]{4})-([01][0-9])-([0-3][0-9])(?:[ T]+([0-2][0-9]):([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]+)?))?(Z|[+-][0-9][0-9]:[0-9][0-9])?)?$');
  IF p IS NULL OR p[2]::int NOT BETWEEN 1 AND 12 OR p[3]::int NOT BETWEEN 1 AND 31 THEN
    RETURN NULL;
  END IF;
  t := pg_catalog.make_timestamp(p[1]::int, p[2]::int, 1, coalesce(p[4], '0')::int, coalesce(p[5], '0')::int,
    coalesce(p[6], '0')::double precision) + pg_catalog.make_interval(days => p[3]::int - 1);
  IF p[7] IS NOT NULL AND p[7] <> 'Z' THEN
    t := t - CASE pg_catalog.left(p[7], 1) WHEN '-' THEN -1 ELSE 1 END * pg_catalog.substr(p[7], 2)::interval;
  END IF;
  IF mods = '{}' THEN
    RETURN t;
  END IF;
  RETURN luy_sql.moment_move(t, mods);
EXCEPTION WHEN datetime_field_overflow THEN
  RETURN NULL;
END $$;

-- A number is a Julian day, or seconds since 1970 when the first modifier says so.
CREATE OR REPLACE FUNCTION luy_sql.moment(v double precision, mods text[]) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 50 AS $$
BEGIN
  IF pg_catalog.lower(mods[1]) = 'unixepoch' THEN
    RETURN luy_sql.moment_move(timestamp '1970-01-01' + v * interval '1 second', mods[2:]);
  END IF;
  IF v < 1721059.5 OR v >= 5373484.5 THEN
    RETURN NULL;
  END IF;
  RETURN luy_sql.moment_move(timestamp '2000-01-01 12:00' + (v - 2451545) * interval '24 hours', mods);
EXCEPTION WHEN datetime_field_overflow OR interval_field_overflow THEN
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION luy_sql.moment_text(f text, t timestamp) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 20 AS $$
DECLARE
  r text := '';
  i int := 1;
  c text;
BEGIN
  WHILE i <= pg_catalog.length(f) LOOP
    c := pg_catalog.substr(f, i, 1);
    IF c = '%' THEN
      i := i + 1;
      c := CASE pg_catalog.substr(f, i, 1)
        WHEN 'Y' THEN pg_catalog.to_char(t, 'YYYY') WHEN 'm' THEN pg_catalog.to_char(t, 'MM')
        WHEN 'd' THEN pg_catalog.to_char(t, 'DD') WHEN 'H' THEN pg_catalog.to_char(t, 'HH24')
        WHEN 'M' THEN pg_catalog.to_char(t, 'MI') WHEN 'S' THEN pg_catalog.to_char(t, 'SS')
        WHEN 'f' THEN pg_catalog.to_char(t, 'SS.MS') WHEN 'j' THEN pg_catalog.to_char(t, 'DDD')
        WHEN 'w' THEN extract(dow FROM t)::text WHEN 's' THEN pg_catalog.floor(extract(epoch FROM t))::bigint::text
        WHEN 'W' THEN pg_catalog.lpad(((extract(doy FROM t)::int - 1 + 7 - (extract(dow FROM t)::int + 6) % 7) / 7)::text, 2, '0')
        WHEN '%' THEN '%' END;
      IF c IS NULL THEN
        RETURN NULL;
      END IF;
    END IF;
    r := r || c;
    i := i + 1;
  END LOOP;
  RETURN r;
END $$;
-- A day that the month lacks stays as it is until it is moved.
CREATE OR REPLACE FUNCTION luy_sql.date(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT CASE WHEN m IS NULL THEN NULL WHEN $1 ~ '^[0-9]{4}-[0-9][0-9]-[0-9][0-9]$' THEN $1
  ELSE pg_catalog.to_char(m, 'YYYY-MM-DD') END FROM (SELECT luy_sql.moment($1, '{}') AS m) x $$;
CREATE OR REPLACE FUNCTION luy_sql.date(text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, $2), 'YYYY-MM-DD') $$;
CREATE OR REPLACE FUNCTION luy_sql.date(double precision) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, '{}'), 'YYYY-MM-DD') $$;
CREATE OR REPLACE FUNCTION luy_sql.date(double precision, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, $2), 'YYYY-MM-DD') $$;
CREATE OR REPLACE FUNCTION luy_sql.datetime(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, '{}'), 'YYYY-MM-DD HH24:MI:SS') $$;
CREATE OR REPLACE FUNCTION luy_sql.datetime(text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, $2), 'YYYY-MM-DD HH24:MI:SS') $$;
CREATE OR REPLACE FUNCTION luy_sql.datetime(double precision) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, '{}'), 'YYYY-MM-DD HH24:MI:SS') $$;
CREATE OR REPLACE FUNCTION luy_sql.datetime(double precision, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.to_char(luy_sql.moment($1, $2), 'YYYY-MM-DD HH24:MI:SS') $$;
CREATE OR REPLACE FUNCTION luy_sql.unixepoch(text, VARIADIC text[] DEFAULT '{}') RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.floor(extract(epoch FROM luy_sql.moment($1, $2)))::bigint $$;
CREATE OR REPLACE FUNCTION luy_sql.julianday(text, VARIADIC text[] DEFAULT '{}') RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT extract(epoch FROM luy_sql.moment($1, $2))::double precision / 86400 + 2440587.5 $$;
CREATE OR REPLACE FUNCTION luy_sql.strftime(text, text, VARIADIC text[] DEFAULT '{}') RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 80
AS $$ SELECT luy_sql.moment_text($1, luy_sql.moment($2, $3)) $$;
CREATE OR REPLACE FUNCTION luy_sql.unixepoch(double precision, VARIADIC text[] DEFAULT '{}') RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT pg_catalog.floor(extract(epoch FROM luy_sql.moment($1, $2)))::bigint $$;
CREATE OR REPLACE FUNCTION luy_sql.julianday(double precision, VARIADIC text[] DEFAULT '{}') RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 60
AS $$ SELECT extract(epoch FROM luy_sql.moment($1, $2))::double precision / 86400 + 2440587.5 $$;
CREATE OR REPLACE FUNCTION luy_sql.strftime(text, double precision, VARIADIC text[] DEFAULT '{}') RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 80
AS $$ SELECT luy_sql.moment_text($1, luy_sql.moment($2, $3)) $$;
-- Search indexes made before rows waited in front of them (pg_search.c).
DO $do$ DECLARE i regclass; BEGIN
  FOR i IN SELECT c.oid::regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam
    WHERE a.amname = 'gin' AND c.relnamespace = 'luy'::regnamespace AND c.relname LIKE '%\_trgm' LOOP
    EXECUTE pg_catalog.format('ALTER INDEX %s SET (fastupdate = on, gin_pending_list_limit = 65536)', i);
  END LOOP; END $do$;
