-- Retention: what is older than the dedupe window leaves by dropping partitions, an hour at a time,
-- after it was counted. Requests that have not ended, or were given up, are carried on with their
-- events. cievents.retention_step does the next short step of it; who calls it need not be alone.
SET LOCAL lock_timeout = '5s';

CREATE TABLE cievents.partition_totals (
  from_time timestamptz NOT NULL,
  events bigint,
  requests bigint,
  created bigint,
  failed_input bigint,
  carried bigint,
  kept_from timestamptz,
  closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  counted_at timestamptz,
  dropped_at timestamptz,
  CONSTRAINT partition_totals_pkey PRIMARY KEY (from_time),
  CONSTRAINT partition_totals_whole_hours CHECK (date_trunc('hour', from_time, 'UTC') = from_time),
  CONSTRAINT partition_totals_add_up CHECK (
    counted_at IS NULL OR (events >= 0 AND carried >= 0
      AND requests = created + failed_input + carried) IS TRUE)
);
COMMENT ON TABLE cievents.partition_totals IS 'An hour of events and requests past retention: closed for writers, then counted, then dropped but for what is carried on.';
COMMENT ON COLUMN cievents.partition_totals.from_time IS 'Begin of the hour, by the time in the uids.';
COMMENT ON COLUMN cievents.partition_totals.events IS 'Events that were in it; null = not counted yet, here and below.';
COMMENT ON COLUMN cievents.partition_totals.requests IS 'Requests that were in it: created + failed_input + carried.';
COMMENT ON COLUMN cievents.partition_totals.created IS 'Requests that ended as created and are gone.';
COMMENT ON COLUMN cievents.partition_totals.failed_input IS 'Requests that ended as failed_input and are gone.';
COMMENT ON COLUMN cievents.partition_totals.carried IS 'Requests that are still stored: not ended when the hour was counted, or dead letters. Goes down as they end and leave.';
COMMENT ON COLUMN cievents.partition_totals.kept_from IS 'Not null: a partition named kept and by this hour holds what is carried of the hours since then; null = none was needed, or a later one holds it.';
COMMENT ON COLUMN cievents.partition_totals.closed_at IS 'From then on nothing is written to the hour.';
COMMENT ON COLUMN cievents.partition_totals.counted_at IS 'When it was counted; null = not yet.';
COMMENT ON COLUMN cievents.partition_totals.dropped_at IS 'When its partitions were detached, to be dropped at once; null = not yet.';

CREATE FUNCTION cievents.uuid7_time(p_uid uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT timestamptz 'epoch' + interval '1 millisecond'
    * ('x' || left(replace(p_uid::text, '-', ''), 12))::bit(48)::bigint
$$;
COMMENT ON FUNCTION cievents.uuid7_time(uuid) IS 'The time in a UUIDv7; ms.';

CREATE FUNCTION cievents.dropped_through() RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT max(t.from_time) + interval '1 hour' FROM cievents.partition_totals t
$$;
COMMENT ON FUNCTION cievents.dropped_through() IS 'Uids with an earlier time are never written again, since the keys that tell repetitions are gone; null = nothing was closed yet.';

CREATE VIEW cievents_admin.partitions AS
SELECT
  n.table_name, c.relname::text AS partition_name,
  make_timestamptz(left(n.digits, 4)::integer, substr(n.digits, 5, 2)::integer,
    substr(n.digits, 7, 2)::integer, coalesce(nullif(substr(n.digits, 10, 2), '')::integer, 0), 0, 0,
    'UTC') AS from_time,
  n.kept, c.relispartition AS attached,
  EXISTS (SELECT FROM pg_catalog.pg_constraint k
          WHERE k.conrelid = c.oid AND k.conname = 'retention_is_over') AS closed,
  c.reltuples::bigint AS rows_estimate, pg_total_relation_size(c.oid) AS bytes
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL (
  SELECT m[1] AS table_name, m[2] IS NOT NULL AS kept, m[3] AS digits
  FROM regexp_matches(
    c.relname, '^(events|pipeline_requests|request_outcomes)_(kept_)?(\d{8}(?:_\d{2})?)$') AS m
) AS n
WHERE c.relkind = 'r' AND c.relnamespace = 'cievents'::regnamespace;
COMMENT ON VIEW cievents_admin.partitions IS 'The partitions of events, pipeline_requests (by the hour) and request_outcomes (by the day), as their names say.';
COMMENT ON COLUMN cievents_admin.partitions.table_name IS 'The table that it is a part of.';
COMMENT ON COLUMN cievents_admin.partitions.partition_name IS 'The partition.';
COMMENT ON COLUMN cievents_admin.partitions.from_time IS 'Begin of its hour or day; of a kept one, of the last hour that it holds something of.';
COMMENT ON COLUMN cievents_admin.partitions.kept IS 'True: it holds what is carried of hours that were dropped.';
COMMENT ON COLUMN cievents_admin.partitions.attached IS 'False: it is being made, or about to be dropped.';
COMMENT ON COLUMN cievents_admin.partitions.closed IS 'True: nothing is written to it any more.';
COMMENT ON COLUMN cievents_admin.partitions.rows_estimate IS 'Rows, by the last statistics; -1 = none yet.';
COMMENT ON COLUMN cievents_admin.partitions.bytes IS 'Bytes on disk, indexes included.';

CREATE VIEW cievents_admin.partition_totals AS
SELECT
  t.from_time, t.events, t.requests, t.created, t.failed_input, t.carried,
  CASE WHEN t.dropped_at IS NULL THEN 0 ELSE t.carried - (
    SELECT count(*) FROM cievents.pipeline_requests r
    WHERE r.event_uid >= cievents.uuid7_floor(t.from_time)
      AND r.event_uid < cievents.uuid7_floor(t.from_time + interval '1 hour')) END AS missing,
  t.closed_at, t.counted_at, t.dropped_at
FROM cievents.partition_totals t;
COMMENT ON VIEW cievents_admin.partition_totals IS 'The hours past retention, and what was in them.';
COMMENT ON COLUMN cievents_admin.partition_totals.from_time IS 'Begin of the hour.';
COMMENT ON COLUMN cievents_admin.partition_totals.events IS 'Events that were in it; null = not counted yet, here and below.';
COMMENT ON COLUMN cievents_admin.partition_totals.requests IS 'Requests that were in it: created + failed_input + carried.';
COMMENT ON COLUMN cievents_admin.partition_totals.created IS 'Ended as created and gone.';
COMMENT ON COLUMN cievents_admin.partition_totals.failed_input IS 'Ended as failed_input and gone.';
COMMENT ON COLUMN cievents_admin.partition_totals.carried IS 'Still stored: dead letters, and what had not ended when the hour was counted.';
COMMENT ON COLUMN cievents_admin.partition_totals.missing IS 'Carried requests that are not stored: 0, unless something is wrong.';
COMMENT ON COLUMN cievents_admin.partition_totals.closed_at IS 'From then on nothing is written to the hour.';
COMMENT ON COLUMN cievents_admin.partition_totals.counted_at IS 'When it was counted.';
COMMENT ON COLUMN cievents_admin.partition_totals.dropped_at IS 'When it left.';

-- Counts a closed hour and copies what is carried of it into tables of their own, which swap_hour
-- puts in its place. A request that ends meanwhile is carried all the same: none is ever counted as
-- ended that has not. What is not in exactly one state is carried too, so that the balance goes on
-- naming it.
CREATE FUNCTION cievents.carry_hour(p_from timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_hour constant text := to_char(p_from AT TIME ZONE 'UTC', 'YYYYMMDD_HH24');
  v_lowest constant uuid := cievents.uuid7_floor(p_from);
  v_beyond constant uuid := cievents.uuid7_floor(p_from + interval '1 hour');
  v_table text;
  v_columns text;
  v_counts record;
  v_events bigint;
  v_merged record;
  v_merged_hour text;
  v_merged_rows bigint := 0;
  v_kept_from timestamptz := p_from;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['events', 'pipeline_requests'] LOOP
    EXECUTE format('CREATE TABLE cievents.%1$I (LIKE cievents.%2$I INCLUDING ALL)',
      v_table || '_kept_' || v_hour, v_table);
  END LOOP;

  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
  FROM pg_attribute a
  WHERE a.attrelid = 'cievents.pipeline_requests'::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  EXECUTE format($sql$
    WITH finished AS MATERIALIZED (
      SELECT o.event_uid, o.subscription_id
      FROM cievents.request_outcomes o
      WHERE o.event_uid >= $1 AND o.event_uid < $2 AND o.outcome IN ('created', 'failed_input')
      GROUP BY o.event_uid, o.subscription_id
      HAVING count(*) = 1
      EXCEPT (
        SELECT event_uid, subscription_id FROM cievents.ready_requests
        WHERE event_uid >= $1 AND event_uid < $2
        UNION ALL
        SELECT event_uid, subscription_id FROM cievents.active_requests
        WHERE event_uid >= $1 AND event_uid < $2
        UNION ALL
        SELECT event_uid, subscription_id FROM cievents.deferred_requests
        WHERE event_uid >= $1 AND event_uid < $2
        UNION ALL
        SELECT event_uid, subscription_id FROM cievents.dead_letters
        WHERE event_uid >= $1 AND event_uid < $2)
    )
    INSERT INTO cievents.%1$I (%3$s)
    SELECT %3$s FROM cievents.%2$I r
    WHERE NOT EXISTS (
      SELECT FROM finished f
      WHERE f.event_uid = r.event_uid AND f.subscription_id = r.subscription_id)
    $sql$, 'pipeline_requests_kept_' || v_hour, 'pipeline_requests_' || v_hour, v_columns)
  USING v_lowest, v_beyond;

  EXECUTE format($sql$
    SELECT
      (SELECT count(*) FROM cievents.%2$I) AS requests,
      (SELECT count(*) FROM cievents.%1$I) AS carried,
      count(*) FILTER (WHERE o.outcome = 'created') AS created,
      count(*) FILTER (WHERE o.outcome = 'failed_input') AS failed_input
    FROM cievents.request_outcomes o
    WHERE o.event_uid >= $1 AND o.event_uid < $2 AND o.outcome IN ('created', 'failed_input')
      AND EXISTS (SELECT FROM cievents.%2$I r
                  WHERE r.event_uid = o.event_uid AND r.subscription_id = o.subscription_id)
      AND NOT EXISTS (SELECT FROM cievents.%1$I k
                      WHERE k.event_uid = o.event_uid AND k.subscription_id = o.subscription_id)
    $sql$, 'pipeline_requests_kept_' || v_hour, 'pipeline_requests_' || v_hour)
  INTO v_counts USING v_lowest, v_beyond;
  EXECUTE format('SELECT count(*) FROM cievents.%I', 'events_' || v_hour) INTO v_events;

  IF v_counts.carried = 0 THEN
    EXECUTE format('DROP TABLE cievents.%I, cievents.%I', 'events_kept_' || v_hour,
      'pipeline_requests_kept_' || v_hour);
    v_kept_from := NULL;
  ELSE
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
    FROM pg_attribute a
    WHERE a.attrelid = 'cievents.events'::regclass AND a.attnum > 0 AND NOT a.attisdropped;
    EXECUTE format('INSERT INTO cievents.%1$I (%4$s) SELECT %4$s FROM cievents.%2$I e'
        ' WHERE e.event_uid IN (SELECT k.event_uid FROM cievents.%3$I k)',
      'events_kept_' || v_hour, 'events_' || v_hour, 'pipeline_requests_kept_' || v_hour, v_columns);

    -- One partition holds what is carried of many hours, up to a size that is soon copied.
    SELECT t.from_time, t.kept_from INTO v_merged FROM cievents.partition_totals t
    WHERE t.kept_from IS NOT NULL AND t.dropped_at IS NOT NULL AND t.from_time < p_from
    ORDER BY t.from_time DESC LIMIT 1;
    IF FOUND THEN
      v_merged_hour := to_char(v_merged.from_time AT TIME ZONE 'UTC', 'YYYYMMDD_HH24');
      EXECUTE format('SELECT count(*) FROM (SELECT FROM cievents.%I LIMIT 100001) AS few',
        'pipeline_requests_kept_' || v_merged_hour) INTO v_merged_rows;
      IF v_merged_rows <= 100000 THEN
        v_kept_from := v_merged.kept_from;
        FOREACH v_table IN ARRAY ARRAY['events', 'pipeline_requests'] LOOP
          SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
          FROM pg_attribute a
          WHERE a.attrelid = ('cievents.' || v_table)::regclass AND a.attnum > 0
            AND NOT a.attisdropped;
          EXECUTE format('INSERT INTO cievents.%1$I (%3$s) SELECT %3$s FROM cievents.%2$I',
            v_table || '_kept_' || v_hour, v_table || '_kept_' || v_merged_hour, v_columns);
        END LOOP;
      END IF;
    END IF;

    FOREACH v_table IN ARRAY ARRAY['events', 'pipeline_requests'] LOOP
      -- The first says what ATTACH would have to scan for. The second lets no new row in, and no
      -- plan believes it.
      EXECUTE format('ALTER TABLE cievents.%1$I'
          ' ADD CONSTRAINT kept_range CHECK (event_uid IS NOT NULL AND event_uid >= %2$L'
          '   AND event_uid < %3$L),'
          ' ADD CONSTRAINT retention_is_over CHECK (false) NOT VALID',
        v_table || '_kept_' || v_hour, cievents.uuid7_floor(v_kept_from), v_beyond);
    END LOOP;
  END IF;

  UPDATE cievents.partition_totals t
  SET events = v_events, requests = v_counts.requests, created = v_counts.created,
    failed_input = v_counts.failed_input, carried = v_counts.carried, kept_from = v_kept_from,
    counted_at = clock_timestamp()
  WHERE t.from_time = p_from;
END
$$;
COMMENT ON FUNCTION cievents.carry_hour(timestamptz) IS 'Counts a closed hour and copies what is carried of it. Only retention_step calls it.';

-- The hour leaves and what is carried of it comes, in one moment: whoever reads sees each request
-- that is not counted as gone. Locks out readers and writers, for changes of the catalogue only; in
-- the order in which writers take them.
CREATE FUNCTION cievents.swap_hour(p_from timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_hour constant text := to_char(p_from AT TIME ZONE 'UTC', 'YYYYMMDD_HH24');
  v_table text;
  v_kept_from timestamptz;
  v_merged timestamptz;  -- the hour of the kept partition that goes into the new one
BEGIN
  SELECT t.kept_from INTO STRICT v_kept_from FROM cievents.partition_totals t
  WHERE t.from_time = p_from;
  SELECT t.from_time INTO v_merged FROM cievents.partition_totals t
  WHERE t.kept_from = v_kept_from AND t.from_time < p_from;

  LOCK TABLE ONLY cievents.events IN ACCESS EXCLUSIVE MODE;
  LOCK TABLE ONLY cievents.pipeline_requests IN ACCESS EXCLUSIVE MODE;
  FOREACH v_table IN ARRAY ARRAY['events', 'pipeline_requests'] LOOP
    EXECUTE format('ALTER TABLE cievents.%I DETACH PARTITION cievents.%I', v_table,
      v_table || '_' || v_hour);
    IF v_merged IS NOT NULL THEN
      EXECUTE format('ALTER TABLE cievents.%I DETACH PARTITION cievents.%I', v_table,
        v_table || '_kept_' || to_char(v_merged AT TIME ZONE 'UTC', 'YYYYMMDD_HH24'));
    END IF;
    IF v_kept_from IS NOT NULL THEN
      EXECUTE format('ALTER TABLE cievents.%1$I ATTACH PARTITION cievents.%2$I'
          ' FOR VALUES FROM (%3$L) TO (%4$L)',
        v_table, v_table || '_kept_' || v_hour, cievents.uuid7_floor(v_kept_from),
        cievents.uuid7_floor(p_from + interval '1 hour'));
      EXECUTE format('ALTER TABLE cievents.%I DROP CONSTRAINT kept_range',
        v_table || '_kept_' || v_hour);
    END IF;
  END LOOP;
  UPDATE cievents.partition_totals t SET kept_from = NULL WHERE t.from_time = v_merged;
  UPDATE cievents.partition_totals t SET dropped_at = clock_timestamp() WHERE t.from_time = p_from;
END
$$;
COMMENT ON FUNCTION cievents.swap_hour(timestamptz) IS 'Detaches a counted hour and attaches what is carried of it, in one moment. Only retention_step calls it.';

-- Closes an hour: writers that come later are refused row by row, those under way are waited for.
CREATE FUNCTION cievents.close_hour(p_from timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_table text;
BEGIN
  -- "cieparts" in hexadecimal, as who makes partitions does: no hour is made below one that is
  -- closed.
  PERFORM pg_advisory_xact_lock(7163368215655117939);
  FOREACH v_table IN ARRAY ARRAY['events', 'pipeline_requests'] LOOP
    EXECUTE format('ALTER TABLE cievents.%I'
        ' ADD CONSTRAINT retention_is_over CHECK (false) NOT VALID',
      v_table || '_' || to_char(p_from AT TIME ZONE 'UTC', 'YYYYMMDD_HH24'));
  END LOOP;
  -- A key of this hour would send retries where they are refused. A transaction that makes one now
  -- also writes to the hour, which fails.
  IF EXISTS (SELECT FROM cievents.event_keys k
             WHERE k.first_seen_at < p_from + interval '1 hour') THEN
    RAISE EXCEPTION 'keys of the hour from % are in use', p_from USING ERRCODE = 'lock_not_available';
  END IF;
  INSERT INTO cievents.partition_totals (from_time) VALUES (p_from);
END
$$;
COMMENT ON FUNCTION cievents.close_hour(timestamptz) IS 'Ends writing to an hour. Only retention_step calls it.';

-- A day of outcomes is needed as long as a request is stored whose end it tells. Carried requests
-- that ended that day leave first, 10,000 a call.
CREATE FUNCTION cievents.retire_outcomes(p_partition text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_uids uuid[];
BEGIN
  EXECUTE format($sql$
    WITH ended AS MATERIALIZED (
      SELECT o.event_uid, o.subscription_id, o.outcome FROM cievents.%I o
      WHERE o.outcome IN ('created', 'failed_input')
        AND o.event_uid < cievents.uuid7_floor(cievents.dropped_through())
        AND EXISTS (SELECT FROM cievents.pipeline_requests r
                    WHERE r.event_uid = o.event_uid AND r.subscription_id = o.subscription_id
                      AND r.event_uid < cievents.uuid7_floor(cievents.dropped_through()))
        AND NOT EXISTS (SELECT FROM cievents.ready_requests q
                        WHERE q.event_uid = o.event_uid AND q.subscription_id = o.subscription_id)
        AND NOT EXISTS (SELECT FROM cievents.active_requests q
                        WHERE q.event_uid = o.event_uid AND q.subscription_id = o.subscription_id)
        AND NOT EXISTS (SELECT FROM cievents.deferred_requests q
                        WHERE q.event_uid = o.event_uid AND q.subscription_id = o.subscription_id)
        AND NOT EXISTS (SELECT FROM cievents.dead_letters q
                        WHERE q.event_uid = o.event_uid AND q.subscription_id = o.subscription_id)
      LIMIT 10000
    ), gone AS (
      DELETE FROM cievents.pipeline_requests r USING ended e
      WHERE r.event_uid = e.event_uid AND r.subscription_id = e.subscription_id
        AND r.event_uid < cievents.uuid7_floor(cievents.dropped_through())
      RETURNING r.event_uid, e.outcome
    ), hours AS (
      SELECT date_trunc('hour', cievents.uuid7_time(g.event_uid), 'UTC') AS from_time,
        count(*) FILTER (WHERE g.outcome = 'created') AS created,
        count(*) FILTER (WHERE g.outcome = 'failed_input') AS failed_input
      FROM gone g GROUP BY 1
    ), counted AS (
      UPDATE cievents.partition_totals t
      SET created = t.created + h.created, failed_input = t.failed_input + h.failed_input,
        carried = t.carried - h.created - h.failed_input
      FROM hours h WHERE h.from_time = t.from_time
    )
    SELECT array_agg(DISTINCT g.event_uid) FROM gone g
    $sql$, p_partition)
  INTO v_uids;
  IF v_uids IS NOT NULL THEN
    DELETE FROM cievents.events e
    WHERE e.event_uid = ANY (v_uids)
      AND NOT EXISTS (SELECT FROM cievents.pipeline_requests r WHERE r.event_uid = e.event_uid);
    RETURN format('removed requests of %s events that ended on the day of %s', cardinality(v_uids),
      p_partition);
  END IF;
  LOCK TABLE ONLY cievents.request_outcomes IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('ALTER TABLE cievents.request_outcomes DETACH PARTITION cievents.%I', p_partition);
  RETURN format('detached %s', p_partition);
END
$$;
COMMENT ON FUNCTION cievents.retire_outcomes(text) IS 'Removes what is carried and ended on the day of a partition, or detaches that. Only retention_step calls it.';

CREATE FUNCTION cievents.retention_step(p_retention interval) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_totals cievents.partition_totals;
  v_partition record;
  v_rows integer;
BEGIN
  IF p_retention < interval '72 hours' THEN
    RAISE EXCEPTION 'retention of %: it is 72 hours at least, the time in which an event may come', p_retention
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- "ciereten" in hexadecimal.
  IF NOT pg_try_advisory_xact_lock(7163368224312288622) THEN
    RETURN NULL;
  END IF;

  -- What was begun, by whomever, is finished first.
  SELECT * INTO v_totals FROM cievents.partition_totals t
  WHERE t.dropped_at IS NULL ORDER BY t.from_time LIMIT 1;
  IF FOUND AND v_totals.counted_at IS NULL THEN
    PERFORM cievents.carry_hour(v_totals.from_time);
    RETURN format('counted the hour from %s', v_totals.from_time);
  ELSIF FOUND THEN
    PERFORM cievents.swap_hour(v_totals.from_time);
    RETURN format('detached the hour from %s', v_totals.from_time);
  END IF;
  SELECT * INTO v_partition FROM cievents_admin.partitions p
  WHERE NOT p.attached AND p.from_time < cievents.dropped_through()
  ORDER BY p.from_time, p.partition_name LIMIT 1;
  IF FOUND THEN
    EXECUTE format('DROP TABLE cievents.%I', v_partition.partition_name);
    RETURN format('dropped %s', v_partition.partition_name);
  END IF;

  -- Requests end after the time of their event (less what clocks differ): of a day before the hours
  -- that are there none has ended but carried ones.
  SELECT * INTO v_partition FROM cievents_admin.partitions p
  WHERE p.table_name = 'request_outcomes' AND p.attached
  ORDER BY p.from_time LIMIT 1;
  IF FOUND AND v_partition.from_time + interval '1 day' <= cievents.dropped_through() THEN
    EXECUTE format('SELECT FROM cievents.%I o WHERE o.event_uid >= $1 LIMIT 1',
      v_partition.partition_name) USING cievents.uuid7_floor(cievents.dropped_through());
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows = 0 THEN
      RETURN cievents.retire_outcomes(v_partition.partition_name);
    END IF;
  END IF;

  SELECT * INTO v_partition FROM cievents_admin.partitions p
  WHERE p.table_name = 'pipeline_requests' AND p.attached AND NOT p.kept
  ORDER BY p.from_time LIMIT 1;
  IF NOT FOUND OR v_partition.from_time + interval '1 hour' > clock_timestamp() - p_retention THEN
    RETURN NULL;
  END IF;
  v_rows := cievents.forget_event_keys(v_partition.from_time + interval '1 hour', 1000);
  IF v_rows > 0 THEN
    RETURN format('forgot %s keys', v_rows);
  END IF;
  PERFORM cievents.close_hour(v_partition.from_time);
  RETURN format('closed the hour from %s', v_partition.from_time);
END
$$;
COMMENT ON FUNCTION cievents.retention_step(interval) IS 'Does the next step of retention and says what it was; null = nothing is due, or another session is at it. Call it, each time in a transaction of its own, until then. By Postgres'' clock. Fails with lock_not_available rather than making others wait: call it again.';

-- As 0008 made it, but for requests that went with their hour.
CREATE OR REPLACE VIEW cievents_admin.balance AS
WITH states AS (
  SELECT event_uid, subscription_id, NULL AS state FROM cievents.pipeline_requests
  UNION ALL
  SELECT event_uid, subscription_id, 'ready' FROM cievents.ready_requests
  UNION ALL
  SELECT event_uid, subscription_id, 'active' FROM cievents.active_requests
  UNION ALL
  SELECT event_uid, subscription_id, 'deferred' FROM cievents.deferred_requests
  UNION ALL
  SELECT event_uid, subscription_id, 'dead' FROM cievents.dead_letters
  UNION ALL
  SELECT event_uid, subscription_id, outcome FROM cievents.request_outcomes
  WHERE outcome IN ('created', 'failed_input')
)
SELECT
  event_uid, subscription_id,
  bool_or(state IS NULL) AS stored,
  coalesce(array_agg(state ORDER BY state) FILTER (WHERE state IS NOT NULL), '{}') AS states
FROM states
GROUP BY event_uid, subscription_id
HAVING (count(state) <> 1 OR NOT bool_or(state IS NULL))
  AND (bool_or(state IS NULL) OR bool_or(state IN ('ready', 'active', 'deferred', 'dead'))
    OR coalesce(event_uid >= (SELECT cievents.uuid7_floor(cievents.dropped_through())), true));
COMMENT ON VIEW cievents_admin.balance IS 'Requests that are not in exactly one state. Empty, unless something is wrong. Those that went with their hour are counted in partition_totals.';
