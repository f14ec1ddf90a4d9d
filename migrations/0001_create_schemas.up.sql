-- The two schemas, the record of applied migrations, and the bounds of hourly partitions.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA cievents;
COMMENT ON SCHEMA cievents IS 'CI Events: subscriptions, events that matched, and the queue of pipeline requests.';

CREATE SCHEMA cievents_admin;
COMMENT ON SCHEMA cievents_admin IS 'CI Events: views for people; stable, and without payloads or inputs.';

CREATE TABLE cievents.schema_migrations (
  version integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (version),
  CONSTRAINT schema_migrations_checksum_is_sha256 CHECK (checksum ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE cievents.schema_migrations IS 'One row a migration that is applied; written by `cievents migrate` only.';
COMMENT ON COLUMN cievents.schema_migrations.version IS 'Number of the migration; 1, 2, 3, without gaps.';
COMMENT ON COLUMN cievents.schema_migrations.name IS 'File name without number and ending.';
COMMENT ON COLUMN cievents.schema_migrations.checksum IS 'SHA-256 of the up file, 64 lower-case hex digits.';
COMMENT ON COLUMN cievents.schema_migrations.applied_at IS 'When it was applied.';

-- Time and identity are one: a UUIDv7 starts with 48 bits of Unix milliseconds, so a range of
-- uuids is a range of time, and a primary key on the uuid can be partitioned by it.
CREATE FUNCTION cievents.uuid7_floor(p_time timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM p_time) * 1000)::bigint), 12, '0')
          || repeat('0', 20))::uuid
$$;
COMMENT ON FUNCTION cievents.uuid7_floor(timestamptz) IS 'The smallest UUIDv7 of a millisecond: the lower bound of a partition.';
