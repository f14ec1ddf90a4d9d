-- Shards: who serves which slots. One row says the layout that counts, a row a shard says what it has
-- loaded; report_shard moves on to a new layout once every shard of it has loaded its slots.
SET LOCAL lock_timeout = '5s';

CREATE TABLE cievents.topology (
  only_row boolean NOT NULL DEFAULT true,
  topology_version bigint NOT NULL,
  shard_count integer NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT topology_key PRIMARY KEY (only_row),
  CONSTRAINT topology_one_row CHECK (only_row),
  CONSTRAINT topology_version_positive CHECK (topology_version > 0),
  CONSTRAINT topology_shard_count_in_range CHECK (shard_count BETWEEN 1 AND 1024)
);
COMMENT ON TABLE cievents.topology IS 'The layout that counts: slot s belongs to shard s * shard_count / 1024. One row, or none before the first matcher.';
COMMENT ON COLUMN cievents.topology.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN cievents.topology.topology_version IS 'Counted up with every change of the layout.';
COMMENT ON COLUMN cievents.topology.shard_count IS 'Shards that share the 1024 slots.';
COMMENT ON COLUMN cievents.topology.changed_at IS 'When this layout began to count.';

CREATE TABLE cievents.shards (
  shard_index integer NOT NULL,
  shard_count integer NOT NULL,
  address text NOT NULL,
  topology_version bigint NOT NULL,
  loaded_shard_counts integer[] NOT NULL,
  loaded_slots integer NOT NULL,
  spool_records bigint NOT NULL,
  spool_bytes bigint NOT NULL,
  spool_oldest_at timestamptz,
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT shards_key PRIMARY KEY (shard_index),
  CONSTRAINT shards_index_in_range CHECK (shard_index BETWEEN 0 AND 1023),
  CONSTRAINT shards_count_in_range CHECK (shard_count BETWEEN 1 AND 1024)
);
COMMENT ON TABLE cievents.shards IS 'A matcher process by its index, as it last reported itself (every second).';
COMMENT ON COLUMN cievents.shards.shard_index IS 'Which one it is, from 0.';
COMMENT ON COLUMN cievents.shards.shard_count IS 'Of how many it was told to be one.';
COMMENT ON COLUMN cievents.shards.address IS 'host:port where the others and clients reach it.';
COMMENT ON COLUMN cievents.shards.topology_version IS 'The layout that it goes by; 0 = none yet.';
COMMENT ON COLUMN cievents.shards.loaded_shard_counts IS 'The layouts, by their number of shards, whose slots of this index it has loaded and follows.';
COMMENT ON COLUMN cievents.shards.loaded_slots IS 'How many of the 1024 slots it has loaded.';
COMMENT ON COLUMN cievents.shards.spool_records IS 'Events that wait in its spool.';
COMMENT ON COLUMN cievents.shards.spool_bytes IS 'Bytes that wait in its spool.';
COMMENT ON COLUMN cievents.shards.spool_oldest_at IS 'When the oldest of them was received; null = none waits.';
COMMENT ON COLUMN cievents.shards.started_at IS 'When the process started, by its clock.';
COMMENT ON COLUMN cievents.shards.seen_at IS 'When it last reported itself, by Postgres'' clock.';

-- What every matcher calls once a second. It takes two row locks, in this order: topology, its row of
-- shards (docs/locks.md).
CREATE FUNCTION cievents.report_shard(
  p_shard_index integer,
  p_shard_count integer,
  p_address text,
  p_topology_version bigint,
  p_loaded_shard_counts integer[],
  p_loaded_slots integer,
  p_spool_records bigint,
  p_spool_bytes bigint,
  p_spool_oldest_at timestamptz,
  p_started_at timestamptz
) RETURNS TABLE (topology_version bigint, shard_count integer, oldest_version_in_use bigint, addresses text[])
LANGUAGE plpgsql AS $$
DECLARE
  layout cievents.topology;
BEGIN
  INSERT INTO cievents.topology (topology_version, shard_count) VALUES (1, p_shard_count)
  ON CONFLICT ON CONSTRAINT topology_key DO NOTHING;
  SELECT t.* INTO STRICT layout FROM cievents.topology t FOR UPDATE;

  INSERT INTO cievents.shards AS s
  VALUES (p_shard_index, p_shard_count, p_address, p_topology_version, p_loaded_shard_counts,
          p_loaded_slots, p_spool_records, p_spool_bytes, p_spool_oldest_at, p_started_at,
          clock_timestamp())
  ON CONFLICT ON CONSTRAINT shards_key DO UPDATE SET
    shard_count = excluded.shard_count, address = excluded.address,
    topology_version = excluded.topology_version,
    loaded_shard_counts = excluded.loaded_shard_counts, loaded_slots = excluded.loaded_slots,
    spool_records = excluded.spool_records, spool_bytes = excluded.spool_bytes,
    spool_oldest_at = excluded.spool_oldest_at, started_at = excluded.started_at,
    seen_at = excluded.seen_at;

  -- The next layout counts from the moment that all its shards live and have loaded their slots of it.
  IF p_shard_count <> layout.shard_count AND p_shard_count = (
    SELECT count(*) FROM cievents.shards s
    WHERE s.shard_index < p_shard_count AND s.shard_count = p_shard_count
      AND p_shard_count = ANY (s.loaded_shard_counts)
      AND s.seen_at > clock_timestamp() - interval '10 seconds')
  THEN
    UPDATE cievents.topology t SET topology_version = t.topology_version + 1,
      shard_count = p_shard_count, changed_at = clock_timestamp()
    RETURNING t.* INTO layout;
  END IF;

  RETURN QUERY SELECT layout.topology_version, layout.shard_count,
    (SELECT min(s.topology_version) FROM cievents.shards s
     WHERE s.seen_at > clock_timestamp() - interval '30 seconds'),
    (SELECT array_agg(COALESCE(s.address, '') ORDER BY i)
     FROM generate_series(0, layout.shard_count - 1) AS i
     LEFT JOIN cievents.shards s ON s.shard_index = i);
END
$$;
COMMENT ON FUNCTION cievents.report_shard IS 'A matcher reports itself and learns the layout: its version, the number of shards, the oldest version that a living shard goes by, and an address for each shard (empty = it never reported itself). Begins the next layout when all its shards have loaded it.';

CREATE VIEW cievents_admin.shards AS
SELECT
  s.shard_index, s.shard_count, s.address, s.topology_version,
  (SELECT t.topology_version FROM cievents.topology t) AS newest_topology_version,
  s.loaded_slots, s.spool_records, s.spool_bytes, s.spool_oldest_at, s.started_at, s.seen_at,
  s.seen_at > clock_timestamp() - interval '10 seconds' AS alive
FROM cievents.shards s;
COMMENT ON VIEW cievents_admin.shards IS 'The matchers, with what waits in their spools.';
COMMENT ON COLUMN cievents_admin.shards.shard_index IS 'Which one it is, from 0.';
COMMENT ON COLUMN cievents_admin.shards.shard_count IS 'Of how many it was told to be one.';
COMMENT ON COLUMN cievents_admin.shards.address IS 'host:port.';
COMMENT ON COLUMN cievents_admin.shards.topology_version IS 'The layout that it goes by.';
COMMENT ON COLUMN cievents_admin.shards.newest_topology_version IS 'The layout that counts.';
COMMENT ON COLUMN cievents_admin.shards.loaded_slots IS 'How many of the 1024 slots it has loaded.';
COMMENT ON COLUMN cievents_admin.shards.spool_records IS 'Events that wait in its spool.';
COMMENT ON COLUMN cievents_admin.shards.spool_bytes IS 'Bytes that wait in its spool.';
COMMENT ON COLUMN cievents_admin.shards.spool_oldest_at IS 'When the oldest of them was received; null = none waits.';
COMMENT ON COLUMN cievents_admin.shards.started_at IS 'When the process started.';
COMMENT ON COLUMN cievents_admin.shards.seen_at IS 'When it last reported itself.';
COMMENT ON COLUMN cievents_admin.shards.alive IS 'True: it reported itself in the last 10 seconds.';

-- What a shard must load of projects whose slots are not its own. entries is written without spaces by
-- one writer, and in a string the quotes would be escaped; an input that is called scope and has an
-- object for a value is taken for a scope, which costs memory only.
ALTER TABLE cievents.subscriptions ADD COLUMN on_every_shard boolean NOT NULL GENERATED ALWAYS AS (
  entries::text LIKE '%"scope":"instance"%' OR entries::text LIKE '%"scope":{%') STORED;
COMMENT ON COLUMN cievents.subscriptions.on_every_shard IS 'True: events of any slot may fire it, since an entry has the scope instance, or another project. It may be true of others, too.';
