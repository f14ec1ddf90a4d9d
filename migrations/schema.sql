--
-- PostgreSQL database dump
--

\restrict x

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: cievents; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA cievents;


ALTER SCHEMA cievents OWNER TO postgres;

--
-- Name: SCHEMA cievents; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON SCHEMA cievents IS 'CI Events: subscriptions, events that matched, and the queue of pipeline requests.';


--
-- Name: cievents_admin; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA cievents_admin;


ALTER SCHEMA cievents_admin OWNER TO postgres;

--
-- Name: SCHEMA cievents_admin; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON SCHEMA cievents_admin IS 'CI Events: views for people; stable, and without payloads or inputs.';


--
-- Name: carry_hour(timestamp with time zone); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.carry_hour(p_from timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;


ALTER FUNCTION cievents.carry_hour(p_from timestamp with time zone) OWNER TO postgres;

--
-- Name: FUNCTION carry_hour(p_from timestamp with time zone); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.carry_hour(p_from timestamp with time zone) IS 'Counts a closed hour and copies what is carried of it. Only retention_step calls it.';


--
-- Name: claim_event_keys(boolean[], uuid[], smallint[], bigint[], text[], text[], bigint[], timestamp with time zone[]); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.claim_event_keys(p_keyed boolean[], p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_root_namespace_ids bigint[], p_received_times timestamp with time zone[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  -- DO UPDATE, not DO NOTHING: it locks the row that is there, and one that is deleted meanwhile is
  -- made anew.
  INSERT INTO cievents.event_keys AS k (
    identity_kind, identity_id, source, event_id, event_uid, root_namespace_id, first_seen_at)
  SELECT e.kind, e.identity_id, e.source, e.event_id, e.uid, e.root_id, e.received_at
  FROM unnest(
    p_keyed, p_event_uids, p_identity_kinds, p_identity_ids, p_sources, p_event_ids,
    p_root_namespace_ids, p_received_times
  ) AS e (keyed, uid, kind, identity_id, source, event_id, root_id, received_at)
  WHERE e.keyed
  ORDER BY e.kind, e.identity_id, e.source COLLATE "C", e.event_id COLLATE "C"
  ON CONFLICT ON CONSTRAINT event_keys_pkey DO UPDATE SET event_uid = k.event_uid;

  -- A statement of its own: its snapshot sees the keys of writers that the insert waited for.
  RETURN (
    SELECT array_agg(coalesce(k.event_uid, e.uid) ORDER BY e.place)
    FROM unnest(p_keyed, p_event_uids, p_identity_kinds, p_identity_ids, p_sources, p_event_ids)
      WITH ORDINALITY AS e (keyed, uid, kind, identity_id, source, event_id, place)
    LEFT JOIN cievents.event_keys k
      ON e.keyed AND k.identity_kind = e.kind AND k.identity_id = e.identity_id
      AND k.source = e.source AND k.event_id = e.event_id);
END
$$;


ALTER FUNCTION cievents.claim_event_keys(p_keyed boolean[], p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_root_namespace_ids bigint[], p_received_times timestamp with time zone[]) OWNER TO postgres;

--
-- Name: FUNCTION claim_event_keys(p_keyed boolean[], p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_root_namespace_ids bigint[], p_received_times timestamp with time zone[]); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.claim_event_keys(p_keyed boolean[], p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_root_namespace_ids bigint[], p_received_times timestamp with time zone[]) IS 'The uids of a batch: of a keyed event that of its key, which is made if it is not there and locked until the end of the transaction. Only enqueue_batch calls it.';


--
-- Name: claim_requests(text, integer, bigint, timestamp with time zone); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.claim_requests(p_owner text, p_max integer, p_lease_ms bigint, p_turns_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS TABLE(event_uid uuid, subscription_id bigint, project_id bigint, root_namespace_id bigint, attempt integer, lease_until timestamp with time zone, turn_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
  v_lease_until timestamptz;
  v_turn cievents.tenant_queues;
  v_turn_at timestamptz;
  v_hint timestamptz;   -- the last turn taken
  v_share integer;      -- most that one turn takes
  v_allowance integer;  -- most that this turn takes
  v_from bigint;
  v_taken integer;
  v_last_id bigint;
  v_count integer;
  v_max_id bigint;
  v_keys cievents.active_requests[];
  v_all cievents.active_requests[] := '{}';
BEGIN
  -- All inserts of turns come before the first turn is taken: from there on this waits for nobody.
  PERFORM cievents.return_due_requests(greatest(p_max, 1000));
  v_lease_until := clock_timestamp() + p_lease_ms * interval '1 millisecond';

  SELECT ceil(p_max::numeric / greatest(count(*), 1)) INTO v_share
  FROM (SELECT FROM cievents.tenant_queues q
        WHERE q.next_turn_at BETWEEN p_turns_from AND clock_timestamp() LIMIT 16) AS due;

  -- The bound only matters if many tenants have lost their requests to somebody else.
  FOR v_turns IN 1..p_max + 100 LOOP
    EXIT WHEN cardinality(v_all) >= p_max;
    v_turn_at := clock_timestamp();
    SELECT * INTO v_turn FROM cievents.tenant_queues q
    WHERE q.next_turn_at >= p_turns_from AND q.next_turn_at <= v_turn_at
    ORDER BY q.next_turn_at LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED;
    EXIT WHEN NOT FOUND;
    v_hint := v_turn.next_turn_at;

    v_allowance := least(v_share, p_max - cardinality(v_all));
    v_from := CASE WHEN v_turn.full_scan_at <= v_turn_at THEN 0 ELSE v_turn.low_water_id END;
    v_taken := 0;
    v_last_id := v_turn.low_water_id - 1;
    LOOP
      WITH taken AS (
        DELETE FROM cievents.ready_requests
        WHERE ctid = ANY (ARRAY(
          SELECT r.ctid FROM cievents.ready_requests r
          WHERE r.root_namespace_id = v_turn.root_namespace_id AND r.id >= v_from
          ORDER BY r.id LIMIT v_allowance - v_taken
          FOR UPDATE SKIP LOCKED))
        RETURNING id, event_uid, subscription_id, project_id, root_namespace_id, attempt
      ), leased AS (
        INSERT INTO cievents.active_requests AS a (
          event_uid, subscription_id, project_id, root_namespace_id, owner, attempt, lease_until)
        SELECT t.event_uid, t.subscription_id, t.project_id, t.root_namespace_id, p_owner,
          t.attempt + 1, v_lease_until
        FROM taken t ORDER BY t.id
        RETURNING a
      )
      SELECT (SELECT count(*)::integer FROM taken), (SELECT max(t.id) FROM taken t),
        (SELECT array_agg(l.a) FROM leased l)
      INTO v_count, v_max_id, v_keys;
      v_all := v_all || v_keys;
      v_taken := v_taken + v_count;
      v_last_id := greatest(v_last_id, v_max_id);
      EXIT WHEN v_from = 0 OR v_taken >= v_allowance;
      v_from := 0;
    END LOOP;

    IF v_taken < v_allowance THEN
      -- Nothing is left. The row goes, unless a writer holds it, whose requests are about to show.
      PERFORM 1 FROM cievents.tenant_queues q
      WHERE q.root_namespace_id = v_turn.root_namespace_id
      FOR UPDATE SKIP LOCKED;
      IF FOUND AND NOT EXISTS (SELECT FROM cievents.ready_requests r
                               WHERE r.root_namespace_id = v_turn.root_namespace_id) THEN
        DELETE FROM cievents.tenant_queues q WHERE q.root_namespace_id = v_turn.root_namespace_id;
        CONTINUE;
      END IF;
    END IF;
    UPDATE cievents.tenant_queues q
    SET next_turn_at = clock_timestamp()
          + CASE WHEN v_taken < v_allowance THEN interval '2 milliseconds' ELSE interval '0' END,
        low_water_id = v_last_id + 1,
        full_scan_at = CASE WHEN v_from = 0 THEN v_turn_at + interval '2 seconds'
                            ELSE q.full_scan_at END
    WHERE q.root_namespace_id = v_turn.root_namespace_id;
  END LOOP;

  RETURN QUERY
  SELECT c.event_uid, c.subscription_id, c.project_id, c.root_namespace_id, c.attempt,
    c.lease_until, v_hint
  FROM unnest(v_all) AS c;
END
$$;


ALTER FUNCTION cievents.claim_requests(p_owner text, p_max integer, p_lease_ms bigint, p_turns_from timestamp with time zone) OWNER TO postgres;

--
-- Name: FUNCTION claim_requests(p_owner text, p_max integer, p_lease_ms bigint, p_turns_from timestamp with time zone); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.claim_requests(p_owner text, p_max integer, p_lease_ms bigint, p_turns_from timestamp with time zone) IS 'Leases up to p_max ready requests to p_owner for p_lease_ms milliseconds; tenants take turns. Turns before p_turns_from are not looked at: a hint from the last claim''s turn_at, which saves reading dead rows. Read what belongs to the result in the next statement: it may hold requests that this one''s snapshot does not see.';


--
-- Name: close_hour(timestamp with time zone); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.close_hour(p_from timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms'
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


ALTER FUNCTION cievents.close_hour(p_from timestamp with time zone) OWNER TO postgres;

--
-- Name: FUNCTION close_hour(p_from timestamp with time zone); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.close_hour(p_from timestamp with time zone) IS 'Ends writing to an hour. Only retention_step calls it.';


--
-- Name: complete_request(uuid, bigint, integer, text, text, bigint, text, bigint); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.complete_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text, p_outcome text, p_pipeline_id bigint, p_reason text, p_retry_delay_ms bigint) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  v_held cievents.active_requests;
BEGIN
  DELETE FROM cievents.active_requests a
  WHERE a.event_uid = p_event_uid AND a.subscription_id = p_subscription_id
    AND a.attempt = p_attempt AND a.owner = p_owner
  RETURNING * INTO v_held;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO cievents.request_outcomes (
    event_uid, subscription_id, project_id, root_namespace_id, attempt, owner, outcome,
    pipeline_id, reason)
  VALUES (p_event_uid, p_subscription_id, v_held.project_id, v_held.root_namespace_id, p_attempt,
    p_owner, p_outcome, nullif(p_pipeline_id, 0), p_reason);
  IF p_outcome = 'retry' THEN
    INSERT INTO cievents.deferred_requests (
      event_uid, subscription_id, project_id, root_namespace_id, attempt, kind, reason, due_at)
    VALUES (p_event_uid, p_subscription_id, v_held.project_id, v_held.root_namespace_id,
      p_attempt, 'retry', p_reason,
      clock_timestamp() + p_retry_delay_ms * interval '1 millisecond');
  ELSIF p_outcome = 'dead' THEN
    INSERT INTO cievents.dead_letters (
      event_uid, subscription_id, project_id, root_namespace_id, attempt, reason)
    VALUES (p_event_uid, p_subscription_id, v_held.project_id, v_held.root_namespace_id,
      p_attempt, p_reason);
  END IF;
  RETURN true;
END
$$;


ALTER FUNCTION cievents.complete_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text, p_outcome text, p_pipeline_id bigint, p_reason text, p_retry_delay_ms bigint) OWNER TO postgres;

--
-- Name: FUNCTION complete_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text, p_outcome text, p_pipeline_id bigint, p_reason text, p_retry_delay_ms bigint); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.complete_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text, p_outcome text, p_pipeline_id bigint, p_reason text, p_retry_delay_ms bigint) IS 'Ends an attempt: created, retry (after p_retry_delay_ms milliseconds) or dead. False: the lease is not the caller''s any more, and nothing was written.';


--
-- Name: dropped_through(); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.dropped_through() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT max(t.from_time) + interval '1 hour' FROM cievents.partition_totals t
$$;


ALTER FUNCTION cievents.dropped_through() OWNER TO postgres;

--
-- Name: FUNCTION dropped_through(); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.dropped_through() IS 'Uids with an earlier time are never written again, since the keys that tell repetitions are gone; null = nothing was closed yet.';


--
-- Name: enqueue_batch(uuid[], smallint[], bigint[], text[], text[], text[], bigint[], bigint[], timestamp with time zone[], timestamp with time zone[], boolean[], bigint[], text[], integer[], boolean[], text[], bigint[], text[], text[], bytea[], bytea[], text[], text[], uuid[], bigint[], bigint[], bigint[], text[], text[], text[], text[], text[], integer[], json[], bigint[], text[], text[]); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[]) RETURNS TABLE(inserted_requests integer, reused boolean)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
  v_new_events integer;
  v_reused uuid[] := '{}';
  v_inserted uuid[];
  v_tenants bigint[];
BEGIN
  INSERT INTO cievents.events (
    event_uid, identity_kind, identity_id, source, event_id, names, project_id, root_namespace_id,
    event_time, received_at, confidential, actor_user_id, actor_username, actor_access_level,
    actor_bot, cause_request_id, cause_pipeline_id, subject, data_schema, data, data_digest,
    traceparent, correlation_id)
  SELECT
    e.uid, e.kind, e.identity_id, e.source, e.event_id, string_to_array(e.names, E'\n'),
    nullif(e.project_id, 0), e.root_id, e.event_time, e.received_at, e.confidential,
    nullif(e.user_id, 0), nullif(e.username, ''), e.access_level, e.bot,
    nullif(e.cause_request, ''), nullif(e.cause_pipeline, 0), e.subject, e.data_schema, e.data,
    e.digest, e.traceparent, e.correlation_id
  FROM unnest(
    p_event_uids, p_identity_kinds, p_identity_ids, p_sources, p_event_ids, p_names,
    p_event_project_ids, p_event_root_namespace_ids, p_event_times, p_received_times,
    p_confidential, p_actor_user_ids, p_actor_usernames, p_actor_access_levels, p_actor_bots,
    p_cause_request_ids, p_cause_pipeline_ids, p_subjects, p_data_schemas, p_data,
    p_data_digests, p_traceparents, p_correlation_ids
  ) AS e (
    uid, kind, identity_id, source, event_id, names, project_id, root_id, event_time, received_at,
    confidential, user_id, username, access_level, bot, cause_request, cause_pipeline, subject,
    data_schema, data, digest, traceparent, correlation_id)
  ON CONFLICT (event_uid) DO NOTHING;
  GET DIAGNOSTICS v_new_events = ROW_COUNT;

  -- A statement of its own: its snapshot sees the events of writers that the insert waited for.
  IF v_new_events < cardinality(p_event_uids) THEN
    SELECT coalesce(array_agg(g.uid), '{}') INTO v_reused
    FROM unnest(p_event_uids, p_data_digests) AS g (uid, digest)
    JOIN cievents.events s ON s.event_uid = g.uid
    WHERE s.data_digest <> g.digest
      AND s.event_uid >= p_event_uids[1]
      AND s.event_uid <= p_event_uids[cardinality(p_event_uids)];
  END IF;

  WITH inserted AS (
    INSERT INTO cievents.pipeline_requests (
      event_uid, subscription_id, project_id, root_namespace_id, path, ref, commit_sha,
      workflow_id, event_name, entry, inputs, run_as_user_id)
    SELECT
      r.event_uid, r.subscription_id, r.project_id, r.root_id, r.path, r.ref, r.commit_sha,
      r.workflow_id, r.event_name, r.entry, r.inputs, r.run_as_user_id
    FROM unnest(
      p_request_event_uids, p_subscription_ids, p_project_ids, p_root_namespace_ids, p_paths,
      p_refs, p_commit_shas, p_workflow_ids, p_request_event_names, p_entries, p_inputs,
      p_run_as_user_ids
    ) AS r (
      event_uid, subscription_id, project_id, root_id, path, ref, commit_sha, workflow_id,
      event_name, entry, inputs, run_as_user_id)
    WHERE r.event_uid <> ALL (v_reused)
    ON CONFLICT (event_uid, subscription_id) DO NOTHING
    RETURNING event_uid, subscription_id, project_id, root_namespace_id
  ), ends AS MATERIALIZED (
    SELECT g.event_uid, g.subscription_id, g.project_id, g.root_id, g.outcome, g.reason
    FROM unnest(
      p_request_event_uids, p_subscription_ids, p_project_ids, p_root_namespace_ids, p_ends,
      p_end_reasons
    ) AS g (event_uid, subscription_id, project_id, root_id, outcome, reason)
    WHERE g.outcome <> ''
  ), ready AS (
    -- NOT IN, and IN below a further operator: hashed, where a join would be a nested loop.
    INSERT INTO cievents.ready_requests (event_uid, subscription_id, project_id, root_namespace_id)
    SELECT i.event_uid, i.subscription_id, i.project_id, i.root_namespace_id FROM inserted i
    WHERE (i.event_uid, i.subscription_id) NOT IN (
      SELECT e.event_uid, e.subscription_id FROM ends e)
    RETURNING root_namespace_id
  ), ended AS (
    INSERT INTO cievents.request_outcomes (
      event_uid, subscription_id, project_id, root_namespace_id, attempt, owner, outcome, reason)
    SELECT e.event_uid, e.subscription_id, e.project_id, e.root_id, 0, '', e.outcome, e.reason
    FROM ends e
    WHERE ((e.event_uid, e.subscription_id) IN (
      SELECT i.event_uid, i.subscription_id FROM inserted i)) IS TRUE
  )
  SELECT (SELECT array_agg(i.event_uid) FROM inserted i),
    (SELECT array_agg(DISTINCT r.root_namespace_id) FROM ready r)
  INTO v_inserted, v_tenants;

  PERFORM cievents.give_turns(v_tenants);

  -- Grouped, not joined: without hash and merge joins a join of the two would be quadratic.
  RETURN QUERY
  SELECT sum(u.inserted)::integer, u.uid = ANY (v_reused)
  FROM (
    SELECT g.uid, g.place, 0 AS inserted
    FROM unnest(p_event_uids) WITH ORDINALITY AS g (uid, place)
    UNION ALL
    SELECT n.uid, NULL, 1 FROM unnest(v_inserted) AS n (uid)
  ) AS u
  GROUP BY u.uid
  ORDER BY min(u.place);
END
$$;


ALTER FUNCTION cievents.enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[]) OWNER TO postgres;

--
-- Name: FUNCTION enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[]); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[]) IS 'Writes events and their pipeline requests, each at most once whatever is sent again; a request that ends at once gets its outcome and is never ready. Answers for each event, in order: how many requests were new; whether its id was used with another payload, in which case none were written.';


--
-- Name: enqueue_batch(uuid[], smallint[], bigint[], text[], text[], text[], bigint[], bigint[], timestamp with time zone[], timestamp with time zone[], boolean[], bigint[], text[], integer[], boolean[], text[], bigint[], text[], text[], bytea[], bytea[], text[], text[], text[], text[], boolean[], uuid[], bigint[], bigint[], bigint[], text[], text[], text[], text[], text[], integer[], json[], bigint[], text[], text[], integer[]); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_types text[], p_extensions text[], p_keyed boolean[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[], p_request_events integer[]) RETURNS TABLE(inserted_requests integer, reused boolean, keyed_uid uuid)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
  v_has_keys constant boolean := true = ANY (p_keyed);
  v_event_uids uuid[] := p_event_uids;
  v_request_uids uuid[] := p_request_event_uids;
  v_lowest uuid := p_event_uids[1];
  v_highest uuid := p_event_uids[cardinality(p_event_uids)];
  v_new_events integer;
  v_reused uuid[] := '{}';
  v_inserted uuid[];
  v_tenants bigint[];
BEGIN
  IF v_has_keys THEN
    v_event_uids := cievents.claim_event_keys(
      p_keyed, p_event_uids, p_identity_kinds, p_identity_ids, p_sources, p_event_ids,
      p_event_root_namespace_ids, p_received_times);
    SELECT coalesce(array_agg(v_event_uids[g.event] ORDER BY g.place), '{}') INTO v_request_uids
    FROM unnest(p_request_events) WITH ORDINALITY AS g (event, place);
    SELECT (array_agg(u.uid ORDER BY u.uid))[1], (array_agg(u.uid ORDER BY u.uid DESC))[1]
    INTO v_lowest, v_highest
    FROM unnest(v_event_uids) AS u (uid);
  END IF;

  INSERT INTO cievents.events (
    event_uid, identity_kind, identity_id, source, event_id, names, project_id, root_namespace_id,
    event_time, received_at, confidential, actor_user_id, actor_username, actor_access_level,
    actor_bot, cause_request_id, cause_pipeline_id, subject, data_schema, data, data_digest,
    traceparent, correlation_id, type, extensions)
  SELECT
    e.uid, e.kind, e.identity_id, e.source, e.event_id, string_to_array(e.names, E'\n'),
    nullif(e.project_id, 0), e.root_id, e.event_time, e.received_at, e.confidential,
    nullif(e.user_id, 0), nullif(e.username, ''), e.access_level, e.bot,
    nullif(e.cause_request, ''), nullif(e.cause_pipeline, 0), e.subject, e.data_schema, e.data,
    e.digest, e.traceparent, e.correlation_id, nullif(e.type, ''), nullif(e.extensions, '')::json
  FROM unnest(
    v_event_uids, p_identity_kinds, p_identity_ids, p_sources, p_event_ids, p_names,
    p_event_project_ids, p_event_root_namespace_ids, p_event_times, p_received_times,
    p_confidential, p_actor_user_ids, p_actor_usernames, p_actor_access_levels, p_actor_bots,
    p_cause_request_ids, p_cause_pipeline_ids, p_subjects, p_data_schemas, p_data,
    p_data_digests, p_traceparents, p_correlation_ids, p_types, p_extensions
  ) AS e (
    uid, kind, identity_id, source, event_id, names, project_id, root_id, event_time, received_at,
    confidential, user_id, username, access_level, bot, cause_request, cause_pipeline, subject,
    data_schema, data, digest, traceparent, correlation_id, type, extensions)
  ON CONFLICT (event_uid) DO NOTHING;
  GET DIAGNOSTICS v_new_events = ROW_COUNT;

  -- A statement of its own: its snapshot sees the events of writers that the insert waited for.
  IF v_new_events < cardinality(p_event_uids) THEN
    SELECT coalesce(array_agg(g.uid), '{}') INTO v_reused
    FROM unnest(v_event_uids, p_data_digests) AS g (uid, digest)
    JOIN cievents.events s ON s.event_uid = g.uid
    WHERE s.data_digest <> g.digest
      AND s.event_uid >= v_lowest
      AND s.event_uid <= v_highest;
  END IF;

  WITH inserted AS (
    INSERT INTO cievents.pipeline_requests (
      event_uid, subscription_id, project_id, root_namespace_id, path, ref, commit_sha,
      workflow_id, event_name, entry, inputs, run_as_user_id)
    SELECT
      r.event_uid, r.subscription_id, r.project_id, r.root_id, r.path, r.ref, r.commit_sha,
      r.workflow_id, r.event_name, r.entry, r.inputs, r.run_as_user_id
    FROM unnest(
      v_request_uids, p_subscription_ids, p_project_ids, p_root_namespace_ids, p_paths,
      p_refs, p_commit_shas, p_workflow_ids, p_request_event_names, p_entries, p_inputs,
      p_run_as_user_ids
    ) AS r (
      event_uid, subscription_id, project_id, root_id, path, ref, commit_sha, workflow_id,
      event_name, entry, inputs, run_as_user_id)
    WHERE r.event_uid <> ALL (v_reused)
    ON CONFLICT (event_uid, subscription_id) DO NOTHING
    RETURNING event_uid, subscription_id, project_id, root_namespace_id
  ), ends AS MATERIALIZED (
    SELECT g.event_uid, g.subscription_id, g.project_id, g.root_id, g.outcome, g.reason
    FROM unnest(
      v_request_uids, p_subscription_ids, p_project_ids, p_root_namespace_ids, p_ends,
      p_end_reasons
    ) AS g (event_uid, subscription_id, project_id, root_id, outcome, reason)
    WHERE g.outcome <> ''
  ), ready AS (
    -- NOT IN, and IN below a further operator: hashed, where a join would be a nested loop.
    INSERT INTO cievents.ready_requests (event_uid, subscription_id, project_id, root_namespace_id)
    SELECT i.event_uid, i.subscription_id, i.project_id, i.root_namespace_id FROM inserted i
    WHERE (i.event_uid, i.subscription_id) NOT IN (
      SELECT e.event_uid, e.subscription_id FROM ends e)
    RETURNING root_namespace_id
  ), ended AS (
    INSERT INTO cievents.request_outcomes (
      event_uid, subscription_id, project_id, root_namespace_id, attempt, owner, outcome, reason)
    SELECT e.event_uid, e.subscription_id, e.project_id, e.root_id, 0, '', e.outcome, e.reason
    FROM ends e
    WHERE ((e.event_uid, e.subscription_id) IN (
      SELECT i.event_uid, i.subscription_id FROM inserted i)) IS TRUE
  )
  SELECT (SELECT array_agg(i.event_uid) FROM inserted i),
    (SELECT array_agg(DISTINCT r.root_namespace_id) FROM ready r)
  INTO v_inserted, v_tenants;

  PERFORM cievents.give_turns(v_tenants);

  -- Grouped, not joined: without hash and merge joins a join of the two would be quadratic.
  RETURN QUERY
  SELECT sum(u.inserted)::integer, u.uid = ANY (v_reused), CASE WHEN v_has_keys THEN u.uid END
  FROM (
    SELECT g.uid, g.place, 0 AS inserted
    FROM unnest(v_event_uids) WITH ORDINALITY AS g (uid, place)
    UNION ALL
    SELECT n.uid, NULL, 1 FROM unnest(v_inserted) AS n (uid)
  ) AS u
  GROUP BY u.uid
  ORDER BY min(u.place);
END
$$;


ALTER FUNCTION cievents.enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_types text[], p_extensions text[], p_keyed boolean[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[], p_request_events integer[]) OWNER TO postgres;

--
-- Name: FUNCTION enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_types text[], p_extensions text[], p_keyed boolean[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[], p_request_events integer[]); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.enqueue_batch(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_types text[], p_extensions text[], p_keyed boolean[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[], p_ends text[], p_end_reasons text[], p_request_events integer[]) IS 'Writes events and their requests in one go; per event, in order, how many of its requests were new, whether its identity is stored with another payload, and its uid if the batch has keyed events.';


--
-- Name: enqueue_requests(uuid[], smallint[], bigint[], text[], text[], text[], bigint[], bigint[], timestamp with time zone[], timestamp with time zone[], boolean[], bigint[], text[], integer[], boolean[], text[], bigint[], text[], text[], bytea[], bytea[], text[], text[], uuid[], bigint[], bigint[], bigint[], text[], text[], text[], text[], text[], integer[], json[], bigint[]); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.enqueue_requests(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[]) RETURNS TABLE(inserted_requests integer, reused boolean)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
  v_new_events integer;
  v_reused uuid[] := '{}';
  v_inserted uuid[];
  v_tenants bigint[];
BEGIN
  INSERT INTO cievents.events (
    event_uid, identity_kind, identity_id, source, event_id, names, project_id, root_namespace_id,
    event_time, received_at, confidential, actor_user_id, actor_username, actor_access_level,
    actor_bot, cause_request_id, cause_pipeline_id, subject, data_schema, data, data_digest,
    traceparent, correlation_id)
  SELECT
    e.uid, e.kind, e.identity_id, e.source, e.event_id, string_to_array(e.names, E'\n'),
    nullif(e.project_id, 0), e.root_id, e.event_time, e.received_at, e.confidential,
    nullif(e.user_id, 0), nullif(e.username, ''), e.access_level, e.bot,
    nullif(e.cause_request, ''), nullif(e.cause_pipeline, 0), e.subject, e.data_schema, e.data,
    e.digest, e.traceparent, e.correlation_id
  FROM unnest(
    p_event_uids, p_identity_kinds, p_identity_ids, p_sources, p_event_ids, p_names,
    p_event_project_ids, p_event_root_namespace_ids, p_event_times, p_received_times,
    p_confidential, p_actor_user_ids, p_actor_usernames, p_actor_access_levels, p_actor_bots,
    p_cause_request_ids, p_cause_pipeline_ids, p_subjects, p_data_schemas, p_data,
    p_data_digests, p_traceparents, p_correlation_ids
  ) AS e (
    uid, kind, identity_id, source, event_id, names, project_id, root_id, event_time, received_at,
    confidential, user_id, username, access_level, bot, cause_request, cause_pipeline, subject,
    data_schema, data, digest, traceparent, correlation_id)
  ON CONFLICT (event_uid) DO NOTHING;
  GET DIAGNOSTICS v_new_events = ROW_COUNT;

  -- A statement of its own: its snapshot sees the events of writers that the insert waited for.
  IF v_new_events < cardinality(p_event_uids) THEN
    SELECT coalesce(array_agg(g.uid), '{}') INTO v_reused
    FROM unnest(p_event_uids, p_data_digests) AS g (uid, digest)
    JOIN cievents.events s ON s.event_uid = g.uid
    WHERE s.data_digest <> g.digest
      AND s.event_uid >= p_event_uids[1]
      AND s.event_uid <= p_event_uids[cardinality(p_event_uids)];
  END IF;

  WITH inserted AS (
    INSERT INTO cievents.pipeline_requests (
      event_uid, subscription_id, project_id, root_namespace_id, path, ref, commit_sha,
      workflow_id, event_name, entry, inputs, run_as_user_id)
    SELECT
      r.event_uid, r.subscription_id, r.project_id, r.root_id, r.path, r.ref, r.commit_sha,
      r.workflow_id, r.event_name, r.entry, r.inputs, r.run_as_user_id
    FROM unnest(
      p_request_event_uids, p_subscription_ids, p_project_ids, p_root_namespace_ids, p_paths,
      p_refs, p_commit_shas, p_workflow_ids, p_request_event_names, p_entries, p_inputs,
      p_run_as_user_ids
    ) AS r (
      event_uid, subscription_id, project_id, root_id, path, ref, commit_sha, workflow_id,
      event_name, entry, inputs, run_as_user_id)
    WHERE r.event_uid <> ALL (v_reused)
    ON CONFLICT (event_uid, subscription_id) DO NOTHING
    RETURNING event_uid, subscription_id, project_id, root_namespace_id
  ), ready AS (
    INSERT INTO cievents.ready_requests (event_uid, subscription_id, project_id, root_namespace_id)
    SELECT i.event_uid, i.subscription_id, i.project_id, i.root_namespace_id FROM inserted i
  )
  SELECT array_agg(i.event_uid), array_agg(DISTINCT i.root_namespace_id)
  INTO v_inserted, v_tenants
  FROM inserted i;

  PERFORM cievents.give_turns(v_tenants);

  RETURN QUERY
  WITH counts AS MATERIALIZED (
    SELECT n.uid, count(*)::integer AS requests FROM unnest(v_inserted) AS n (uid) GROUP BY n.uid
  )
  SELECT coalesce(c.requests, 0), g.uid = ANY (v_reused)
  FROM unnest(p_event_uids) WITH ORDINALITY AS g (uid, place)
  LEFT JOIN counts c ON c.uid = g.uid
  ORDER BY g.place;
END
$$;


ALTER FUNCTION cievents.enqueue_requests(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[]) OWNER TO postgres;

--
-- Name: FUNCTION enqueue_requests(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[]); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.enqueue_requests(p_event_uids uuid[], p_identity_kinds smallint[], p_identity_ids bigint[], p_sources text[], p_event_ids text[], p_names text[], p_event_project_ids bigint[], p_event_root_namespace_ids bigint[], p_event_times timestamp with time zone[], p_received_times timestamp with time zone[], p_confidential boolean[], p_actor_user_ids bigint[], p_actor_usernames text[], p_actor_access_levels integer[], p_actor_bots boolean[], p_cause_request_ids text[], p_cause_pipeline_ids bigint[], p_subjects text[], p_data_schemas text[], p_data bytea[], p_data_digests bytea[], p_traceparents text[], p_correlation_ids text[], p_request_event_uids uuid[], p_subscription_ids bigint[], p_project_ids bigint[], p_root_namespace_ids bigint[], p_paths text[], p_refs text[], p_commit_shas text[], p_workflow_ids text[], p_request_event_names text[], p_entries integer[], p_inputs json[], p_run_as_user_ids bigint[]) IS 'Writes events and their pipeline requests, each at most once whatever is sent again. Answers for each event, in order: how many requests were new; whether its id was used with another payload, in which case none were written.';


--
-- Name: extend_leases(text, bigint); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.extend_leases(p_owner text, p_lease_ms bigint) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_extended integer;
BEGIN
  -- Locked in the order of the key: two calls of one owner would deadlock otherwise.
  WITH held AS MATERIALIZED (
    SELECT a.event_uid, a.subscription_id FROM cievents.active_requests a
    WHERE a.owner = p_owner AND a.lease_until >= v_now
    ORDER BY a.event_uid, a.subscription_id
    FOR NO KEY UPDATE
  )
  UPDATE cievents.active_requests a
  SET lease_until = v_now + p_lease_ms * interval '1 millisecond'
  FROM held h
  WHERE a.event_uid = h.event_uid AND a.subscription_id = h.subscription_id;
  GET DIAGNOSTICS v_extended = ROW_COUNT;
  RETURN v_extended;
END
$$;


ALTER FUNCTION cievents.extend_leases(p_owner text, p_lease_ms bigint) OWNER TO postgres;

--
-- Name: FUNCTION extend_leases(p_owner text, p_lease_ms bigint); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.extend_leases(p_owner text, p_lease_ms bigint) IS 'Extends all unexpired leases of an owner to p_lease_ms milliseconds from now. Returns how many.';


--
-- Name: forget_event_keys(timestamp with time zone, integer); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.forget_event_keys(p_seen_before timestamp with time zone, p_rows_max integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  v_deleted integer;
BEGIN
  DELETE FROM cievents.event_keys k
  USING (
    SELECT o.identity_kind, o.identity_id, o.source, o.event_id
    FROM cievents.event_keys o
    WHERE o.first_seen_at < p_seen_before
    ORDER BY o.first_seen_at
    LIMIT p_rows_max
    FOR UPDATE SKIP LOCKED
  ) AS old
  WHERE (k.identity_kind, k.identity_id, k.source, k.event_id)
    = (old.identity_kind, old.identity_id, old.source, old.event_id);
  GET DIAGNOSTICS v_deleted = ROW_COUNT;
  RETURN v_deleted;
END
$$;


ALTER FUNCTION cievents.forget_event_keys(p_seen_before timestamp with time zone, p_rows_max integer) OWNER TO postgres;

--
-- Name: FUNCTION forget_event_keys(p_seen_before timestamp with time zone, p_rows_max integer); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.forget_event_keys(p_seen_before timestamp with time zone, p_rows_max integer) IS 'Deletes at most so many keys that were first seen before a time; returns how many. For retention: before the partition that holds uids of that time is dropped.';


--
-- Name: give_turns(bigint[]); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.give_turns(p_tenants bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  v_held bigint[];
  v_tenant bigint;
BEGIN
  IF coalesce(cardinality(p_tenants), 0) = 0 THEN
    RETURN;
  END IF;
  -- Most tenants have a turn: hold those. Among writers this lock makes nobody wait.
  SELECT array_agg(h.tenant) INTO v_held
  FROM (SELECT q.root_namespace_id AS tenant FROM cievents.tenant_queues q
        WHERE q.root_namespace_id = ANY (p_tenants)
        ORDER BY q.root_namespace_id
        FOR KEY SHARE) AS h;
  -- The rest one by one, in ascending order and never going back: a writer waits only for a row that
  -- another one has inserted and not committed, and two that wait for each other would need opposite
  -- orders.
  FOR v_tenant IN
    SELECT t.tenant FROM unnest(p_tenants) AS t (tenant)
    WHERE t.tenant <> ALL (coalesce(v_held, '{}'))
    ORDER BY t.tenant
  LOOP
    FOR v_try IN 1..100 LOOP
      INSERT INTO cievents.tenant_queues (root_namespace_id) VALUES (v_tenant)
      ON CONFLICT DO NOTHING;
      EXIT WHEN FOUND;
      PERFORM 1 FROM cievents.tenant_queues q
      WHERE q.root_namespace_id = v_tenant
      FOR KEY SHARE;
      EXIT WHEN FOUND;
      -- Somebody else's turn, deleted between the two statements: give it again.
      IF v_try = 100 THEN
        RAISE EXCEPTION 'the turn of a tenant vanishes as fast as it is given'
          USING ERRCODE = 'serialization_failure';
      END IF;
    END LOOP;
  END LOOP;
END
$$;


ALTER FUNCTION cievents.give_turns(p_tenants bigint[]) OWNER TO postgres;

--
-- Name: FUNCTION give_turns(p_tenants bigint[]); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.give_turns(p_tenants bigint[]) IS 'Gives each of these tenants (distinct) a turn, if it has none, and keeps it until the end of the transaction.';


--
-- Name: mark_project_changed(bigint); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.mark_project_changed(p_project_id bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  UPDATE cievents.projects
  SET changed_xid = pg_current_xact_id(), changed_at = clock_timestamp()
  WHERE project_id = p_project_id
$$;


ALTER FUNCTION cievents.mark_project_changed(p_project_id bigint) OWNER TO postgres;

--
-- Name: FUNCTION mark_project_changed(p_project_id bigint); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.mark_project_changed(p_project_id bigint) IS 'Makes every matcher read the project''s set again once this transaction is committed.';


--
-- Name: release_request(uuid, bigint, integer, text); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.release_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  v_held cievents.active_requests;
BEGIN
  DELETE FROM cievents.active_requests a
  WHERE a.event_uid = p_event_uid AND a.subscription_id = p_subscription_id
    AND a.attempt = p_attempt AND a.owner = p_owner
  RETURNING * INTO v_held;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO cievents.ready_requests (
    event_uid, subscription_id, project_id, root_namespace_id, attempt)
  VALUES (v_held.event_uid, v_held.subscription_id, v_held.project_id, v_held.root_namespace_id,
    v_held.attempt - 1);
  PERFORM cievents.give_turns(ARRAY[v_held.root_namespace_id]);
  RETURN true;
END
$$;


ALTER FUNCTION cievents.release_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text) OWNER TO postgres;

--
-- Name: FUNCTION release_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.release_request(p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text) IS 'Gives a leased request back as if it had not been claimed. False: the lease is not the caller''s any more, and nothing was written.';


--
-- Name: report_shard(integer, integer, text, bigint, integer[], integer, bigint, bigint, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.report_shard(p_shard_index integer, p_shard_count integer, p_address text, p_topology_version bigint, p_loaded_shard_counts integer[], p_loaded_slots integer, p_spool_records bigint, p_spool_bytes bigint, p_spool_oldest_at timestamp with time zone, p_started_at timestamp with time zone) RETURNS TABLE(topology_version bigint, shard_count integer, oldest_version_in_use bigint, addresses text[])
    LANGUAGE plpgsql
    AS $$
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


ALTER FUNCTION cievents.report_shard(p_shard_index integer, p_shard_count integer, p_address text, p_topology_version bigint, p_loaded_shard_counts integer[], p_loaded_slots integer, p_spool_records bigint, p_spool_bytes bigint, p_spool_oldest_at timestamp with time zone, p_started_at timestamp with time zone) OWNER TO postgres;

--
-- Name: FUNCTION report_shard(p_shard_index integer, p_shard_count integer, p_address text, p_topology_version bigint, p_loaded_shard_counts integer[], p_loaded_slots integer, p_spool_records bigint, p_spool_bytes bigint, p_spool_oldest_at timestamp with time zone, p_started_at timestamp with time zone); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.report_shard(p_shard_index integer, p_shard_count integer, p_address text, p_topology_version bigint, p_loaded_shard_counts integer[], p_loaded_slots integer, p_spool_records bigint, p_spool_bytes bigint, p_spool_oldest_at timestamp with time zone, p_started_at timestamp with time zone) IS 'A matcher reports itself and learns the layout: its version, the number of shards, the oldest version that a living shard goes by, and an address for each shard (empty = it never reported itself). Begins the next layout when all its shards have loaded it.';


--
-- Name: retention_step(interval); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.retention_step(p_retention interval) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms'
    AS $_$
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
$_$;


ALTER FUNCTION cievents.retention_step(p_retention interval) OWNER TO postgres;

--
-- Name: FUNCTION retention_step(p_retention interval); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.retention_step(p_retention interval) IS 'Does the next step of retention and says what it was; null = nothing is due, or another session is at it. Call it, each time in a transaction of its own, until then. By Postgres'' clock. Fails with lock_not_available rather than making others wait: call it again.';


--
-- Name: retire_outcomes(text); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.retire_outcomes(p_partition text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms'
    AS $_$
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
$_$;


ALTER FUNCTION cievents.retire_outcomes(p_partition text) OWNER TO postgres;

--
-- Name: FUNCTION retire_outcomes(p_partition text); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.retire_outcomes(p_partition text) IS 'Removes what is carried and ended on the day of a partition, or detaches that. Only retention_step calls it.';


--
-- Name: return_due_requests(integer); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.return_due_requests(p_max integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_returned integer;
  v_tenants bigint[];
BEGIN
  WITH expired AS (
    DELETE FROM cievents.active_requests
    WHERE ctid = ANY (ARRAY(
      SELECT a.ctid FROM cievents.active_requests a
      WHERE a.lease_until < v_now ORDER BY a.lease_until LIMIT p_max
      FOR UPDATE SKIP LOCKED))
    RETURNING event_uid, subscription_id, project_id, root_namespace_id, attempt, owner
  ), noted AS (
    INSERT INTO cievents.request_outcomes (
      event_uid, subscription_id, project_id, root_namespace_id, attempt, owner, outcome, reason)
    SELECT event_uid, subscription_id, project_id, root_namespace_id, attempt, owner,
      'lease_expired', 'the lease ended without a completion'
    FROM expired
  ), due AS (
    DELETE FROM cievents.deferred_requests
    WHERE ctid = ANY (ARRAY(
      SELECT d.ctid FROM cievents.deferred_requests d
      WHERE d.due_at <= v_now ORDER BY d.due_at LIMIT p_max
      FOR UPDATE SKIP LOCKED))
    RETURNING event_uid, subscription_id, project_id, root_namespace_id, attempt
  ), returned AS (
    INSERT INTO cievents.ready_requests (
      event_uid, subscription_id, project_id, root_namespace_id, attempt)
    SELECT event_uid, subscription_id, project_id, root_namespace_id, attempt FROM expired
    UNION ALL
    SELECT event_uid, subscription_id, project_id, root_namespace_id, attempt FROM due
    RETURNING root_namespace_id
  )
  SELECT count(*)::integer, array_agg(DISTINCT root_namespace_id)
  INTO v_returned, v_tenants FROM returned;

  PERFORM cievents.give_turns(v_tenants);
  RETURN v_returned;
END
$$;


ALTER FUNCTION cievents.return_due_requests(p_max integer) OWNER TO postgres;

--
-- Name: FUNCTION return_due_requests(p_max integer); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.return_due_requests(p_max integer) IS 'Makes requests ready again whose lease has ended or whose time has come, at most p_max of each. Returns how many.';


--
-- Name: swap_hour(timestamp with time zone); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.swap_hour(p_from timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms'
    AS $_$
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
$_$;


ALTER FUNCTION cievents.swap_hour(p_from timestamp with time zone) OWNER TO postgres;

--
-- Name: FUNCTION swap_hour(p_from timestamp with time zone); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.swap_hour(p_from timestamp with time zone) IS 'Detaches a counted hour and attaches what is carried of it, in one moment. Only retention_step calls it.';


--
-- Name: sweep_turns(); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.sweep_turns() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
  v_tenants bigint[];
BEGIN
  -- Steps from tenant to tenant through the index instead of reading every ready request.
  WITH RECURSIVE tenants AS (
    SELECT (SELECT min(r.root_namespace_id) FROM cievents.ready_requests r) AS tenant
    UNION ALL
    SELECT (SELECT min(r.root_namespace_id) FROM cievents.ready_requests r
            WHERE r.root_namespace_id > t.tenant)
    FROM tenants t WHERE t.tenant IS NOT NULL
  )
  SELECT array_agg(t.tenant ORDER BY t.tenant) INTO v_tenants
  FROM tenants t
  WHERE t.tenant IS NOT NULL
    AND NOT EXISTS (SELECT FROM cievents.tenant_queues q WHERE q.root_namespace_id = t.tenant);
  PERFORM cievents.give_turns(v_tenants);
  RETURN coalesce(cardinality(v_tenants), 0);
END
$$;


ALTER FUNCTION cievents.sweep_turns() OWNER TO postgres;

--
-- Name: FUNCTION sweep_turns(); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.sweep_turns() IS 'Gives a turn to any tenant that has ready requests and no turn: a lost turn delays and never strands. Returns how many.';


--
-- Name: uuid7_floor(timestamp with time zone); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.uuid7_floor(p_time timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM p_time) * 1000)::bigint), 12, '0')
          || repeat('0', 20))::uuid
$$;


ALTER FUNCTION cievents.uuid7_floor(p_time timestamp with time zone) OWNER TO postgres;

--
-- Name: FUNCTION uuid7_floor(p_time timestamp with time zone); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.uuid7_floor(p_time timestamp with time zone) IS 'The smallest UUIDv7 of a millisecond: the lower bound of a partition.';


--
-- Name: uuid7_time(uuid); Type: FUNCTION; Schema: cievents; Owner: postgres
--

CREATE FUNCTION cievents.uuid7_time(p_uid uuid) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  SELECT timestamptz 'epoch' + interval '1 millisecond'
    * ('x' || left(replace(p_uid::text, '-', ''), 12))::bit(48)::bigint
$$;


ALTER FUNCTION cievents.uuid7_time(p_uid uuid) OWNER TO postgres;

--
-- Name: FUNCTION uuid7_time(p_uid uuid); Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON FUNCTION cievents.uuid7_time(p_uid uuid) IS 'The time in a UUIDv7; ms.';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: active_requests; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.active_requests (
    event_uid uuid NOT NULL,
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    owner text NOT NULL,
    attempt integer NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    calling_since timestamp with time zone,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000');


ALTER TABLE cievents.active_requests OWNER TO postgres;

--
-- Name: TABLE active_requests; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.active_requests IS 'A request that is leased; every completion is fenced by (request, attempt, owner).';


--
-- Name: COLUMN active_requests.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.event_uid IS 'The request''s event.';


--
-- Name: COLUMN active_requests.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.subscription_id IS 'The request''s subscription.';


--
-- Name: COLUMN active_requests.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.project_id IS 'The subscribing project.';


--
-- Name: COLUMN active_requests.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN active_requests.owner; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.owner IS 'Who holds the lease.';


--
-- Name: COLUMN active_requests.attempt; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.attempt IS 'Number of this attempt, 1-based.';


--
-- Name: COLUMN active_requests.lease_until; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.lease_until IS 'End of the lease, by the database''s clock.';


--
-- Name: COLUMN active_requests.calling_since; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.calling_since IS 'When the call that creates the pipeline began; null = not begun.';


--
-- Name: COLUMN active_requests.claimed_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.active_requests.claimed_at IS 'When the lease began.';


--
-- Name: config_files; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.config_files (
    project_id bigint NOT NULL,
    path text NOT NULL,
    role text NOT NULL,
    blob_id text NOT NULL,
    parsed text NOT NULL,
    good_blob_id text NOT NULL,
    good_parsed text NOT NULL
);


ALTER TABLE cievents.config_files OWNER TO postgres;

--
-- Name: TABLE config_files; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.config_files IS 'A YAML file that decided something in the last applied push of its project.';


--
-- Name: COLUMN config_files.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.project_id IS 'The project.';


--
-- Name: COLUMN config_files.path; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.path IS 'Path in the project; of a prefix, with `*` behind it.';


--
-- Name: COLUMN config_files.role; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.role IS 'What the file is: ci_file, event_list, header_only, included; or prefix: every YAML file whose path begins so is of interest.';


--
-- Name: COLUMN config_files.blob_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.blob_id IS 'Git blob id at the last applied commit, hex; empty = an include names it and it is not there.';


--
-- Name: COLUMN config_files.parsed; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.parsed IS 'JSON text of what was read from that blob, as the program wrote it; empty = nothing.';


--
-- Name: COLUMN config_files.good_blob_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.good_blob_id IS 'Git blob id of the last version without errors, hex; empty = none.';


--
-- Name: COLUMN config_files.good_parsed; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_files.good_parsed IS 'JSON text of what was read from the good blob; empty = nothing.';


--
-- Name: config_pushes; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.config_pushes (
    push_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    push_sequence bigint NOT NULL,
    commit_sha text NOT NULL,
    result text NOT NULL,
    added integer NOT NULL,
    updated integer NOT NULL,
    removed integer NOT NULL,
    issues json NOT NULL,
    pushed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


ALTER TABLE cievents.config_pushes OWNER TO postgres;

--
-- Name: TABLE config_pushes; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.config_pushes IS 'What happened to a push; the last 20 of each project.';


--
-- Name: COLUMN config_pushes.push_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.push_id IS 'Order of arrival.';


--
-- Name: COLUMN config_pushes.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.project_id IS 'The project; it may be unknown, if the push was not applied.';


--
-- Name: COLUMN config_pushes.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.root_namespace_id IS 'Root namespace of the project: the tenant.';


--
-- Name: COLUMN config_pushes.push_sequence; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.push_sequence IS 'The number of the push or call, counted up by the producer for each project.';


--
-- Name: COLUMN config_pushes.commit_sha; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.commit_sha IS 'The pushed commit, hex; empty = not a push.';


--
-- Name: COLUMN config_pushes.result; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.result IS 'applied, applied_with_errors or stale; of calls that changed something: upserted, moved, archived, ci_disabled, reactivated, deleted, restored. What only validates, changes nothing or is malformed leaves no row.';


--
-- Name: COLUMN config_pushes.added; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.added IS 'Subscriptions that are new.';


--
-- Name: COLUMN config_pushes.updated; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.updated IS 'Subscriptions that changed.';


--
-- Name: COLUMN config_pushes.removed; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.removed IS 'Subscriptions that ended.';


--
-- Name: COLUMN config_pushes.issues; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.issues IS 'JSON array of {severity, code, file, line, column, message, suggestion}; lines and columns 1-based, columns in bytes.';


--
-- Name: COLUMN config_pushes.pushed_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.config_pushes.pushed_at IS 'When the push was handled.';


--
-- Name: config_pushes_push_id_seq; Type: SEQUENCE; Schema: cievents; Owner: postgres
--

ALTER TABLE cievents.config_pushes ALTER COLUMN push_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME cievents.config_pushes_push_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: dead_letters; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.dead_letters (
    event_uid uuid NOT NULL,
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    attempt integer NOT NULL,
    reason text NOT NULL,
    died_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


ALTER TABLE cievents.dead_letters OWNER TO postgres;

--
-- Name: TABLE dead_letters; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.dead_letters IS 'A request that was given up; kept, listed, and can be made ready again by a person.';


--
-- Name: COLUMN dead_letters.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.event_uid IS 'The request''s event.';


--
-- Name: COLUMN dead_letters.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.subscription_id IS 'The request''s subscription.';


--
-- Name: COLUMN dead_letters.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.project_id IS 'The subscribing project.';


--
-- Name: COLUMN dead_letters.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN dead_letters.attempt; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.attempt IS 'Attempts made.';


--
-- Name: COLUMN dead_letters.reason; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.reason IS 'Why it was given up, for people.';


--
-- Name: COLUMN dead_letters.died_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.dead_letters.died_at IS 'When it was given up.';


--
-- Name: deferred_requests; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.deferred_requests (
    event_uid uuid NOT NULL,
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    attempt integer NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    deferred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT deferred_requests_kind CHECK ((kind = ANY (ARRAY['retry'::text, 'ambiguous'::text, 'parked'::text, 'debounced'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000');


ALTER TABLE cievents.deferred_requests OWNER TO postgres;

--
-- Name: TABLE deferred_requests; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.deferred_requests IS 'A request that waits for a time or a decision.';


--
-- Name: COLUMN deferred_requests.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.event_uid IS 'The request''s event.';


--
-- Name: COLUMN deferred_requests.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.subscription_id IS 'The request''s subscription.';


--
-- Name: COLUMN deferred_requests.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.project_id IS 'The subscribing project.';


--
-- Name: COLUMN deferred_requests.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN deferred_requests.attempt; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.attempt IS 'Attempts made so far.';


--
-- Name: COLUMN deferred_requests.kind; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.kind IS 'Why it waits: retry, ambiguous, parked or debounced.';


--
-- Name: COLUMN deferred_requests.reason; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.reason IS 'What happened, for people.';


--
-- Name: COLUMN deferred_requests.due_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.due_at IS 'When it becomes ready again; infinity = a person decides.';


--
-- Name: COLUMN deferred_requests.deferred_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.deferred_requests.deferred_at IS 'Since when it waits.';


--
-- Name: event_keys; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.event_keys (
    identity_kind smallint NOT NULL,
    identity_id bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    event_uid uuid NOT NULL,
    root_namespace_id bigint NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    CONSTRAINT event_keys_identity_kind_known CHECK (((identity_kind >= 0) AND (identity_kind <= 2)))
)
WITH (fillfactor='90');


ALTER TABLE cievents.event_keys OWNER TO postgres;

--
-- Name: TABLE event_keys; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.event_keys IS 'The uid of an event that is known by its key, because its retries do not repeat the time: written with its first requests. Leaves by age: cievents.forget_event_keys.';


--
-- Name: COLUMN event_keys.identity_kind; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.identity_kind IS 'What identity_id is the id of: 0 instance, 1 group, 2 project.';


--
-- Name: COLUMN event_keys.identity_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.identity_id IS 'Id of the project or group in which the event happened; 0 = instance.';


--
-- Name: COLUMN event_keys.source; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.source IS 'The emitter''s name of itself; with event_id unique for each identity.';


--
-- Name: COLUMN event_keys.event_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.event_id IS 'The emitter''s id of the event.';


--
-- Name: COLUMN event_keys.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.event_uid IS 'The event: a row of events while its partition is there.';


--
-- Name: COLUMN event_keys.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.root_namespace_id IS 'Root namespace in which it happened, as the first delivery said; 0 = instance event.';


--
-- Name: COLUMN event_keys.first_seen_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.event_keys.first_seen_at IS 'When the delivery that made the row was received, by the server''s clock; ms; the time in event_uid.';


--
-- Name: events; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.events (
    event_uid uuid NOT NULL,
    identity_kind smallint NOT NULL,
    identity_id bigint NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    names text[] NOT NULL,
    project_id bigint,
    root_namespace_id bigint NOT NULL,
    event_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    confidential boolean NOT NULL,
    actor_user_id bigint,
    actor_username text,
    actor_access_level integer,
    actor_bot boolean NOT NULL,
    cause_request_id text,
    cause_pipeline_id bigint,
    subject text NOT NULL,
    data_schema text NOT NULL,
    data bytea NOT NULL,
    data_digest bytea NOT NULL,
    traceparent text NOT NULL,
    correlation_id text NOT NULL,
    type text,
    extensions json,
    CONSTRAINT events_data_digest_is_sha256 CHECK ((octet_length(data_digest) = 32)),
    CONSTRAINT events_names_count CHECK (((cardinality(names) >= 1) AND (cardinality(names) <= 8)))
)
PARTITION BY RANGE (event_uid);


ALTER TABLE cievents.events OWNER TO postgres;

--
-- Name: TABLE events; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.events IS 'An event that matched a subscription, once, with its payload. Hourly partitions on the uid, made by the program.';


--
-- Name: COLUMN events.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.event_uid IS 'UUIDv7; the time in it is the event''s (ms), for an event with a row in event_keys that of its first delivery; the other bits are a hash of its identity.';


--
-- Name: COLUMN events.identity_kind; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.identity_kind IS 'What identity_id is the id of: 0 instance, 1 group, 2 project.';


--
-- Name: COLUMN events.identity_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.identity_id IS 'Id of the project or group whose authorised caller sent the event; 0 = instance.';


--
-- Name: COLUMN events.source; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.source IS 'The emitter''s name of itself; with event_id unique for each identity.';


--
-- Name: COLUMN events.event_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.event_id IS 'The emitter''s id of the event.';


--
-- Name: COLUMN events.names; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.names IS 'Hierarchical names, in the catalogue''s order; 1 to 8.';


--
-- Name: COLUMN events.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.project_id IS 'Project in which it happened; null = none.';


--
-- Name: COLUMN events.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.root_namespace_id IS 'Root namespace in which it happened; 0 = instance event.';


--
-- Name: COLUMN events.event_time; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.event_time IS 'When it happened, by the emitter''s clock; ms.';


--
-- Name: COLUMN events.received_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.received_at IS 'When it was received, by the server''s clock; ms.';


--
-- Name: COLUMN events.confidential; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.confidential IS 'True: only entries that ask for confidential events match.';


--
-- Name: COLUMN events.actor_user_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.actor_user_id IS 'User id of who did it; null = unknown.';


--
-- Name: COLUMN events.actor_username; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.actor_username IS 'User name of who did it; null = unknown.';


--
-- Name: COLUMN events.actor_access_level; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.actor_access_level IS 'GitLab access level of the actor, 0 to 60; null = the format does not carry it.';


--
-- Name: COLUMN events.actor_bot; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.actor_bot IS 'True: the actor is a bot.';


--
-- Name: COLUMN events.cause_request_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.cause_request_id IS 'Pipeline request that caused the event; null = unknown.';


--
-- Name: COLUMN events.cause_pipeline_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.cause_pipeline_id IS 'Pipeline that caused the event; null = unknown.';


--
-- Name: COLUMN events.subject; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.subject IS 'What it happened to; may be empty.';


--
-- Name: COLUMN events.data_schema; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.data_schema IS 'URI of the payload''s schema; may be empty.';


--
-- Name: COLUMN events.data; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.data IS 'The payload, bytes as they came.';


--
-- Name: COLUMN events.data_digest; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.data_digest IS 'SHA-256 of the payload, 32 bytes: the same identity with another payload is refused.';


--
-- Name: COLUMN events.traceparent; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.traceparent IS 'W3C trace context; may be empty.';


--
-- Name: COLUMN events.correlation_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.correlation_id IS 'Correlation id for logs; may be empty.';


--
-- Name: COLUMN events.type; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.type IS 'The type of a CloudEvent, as it came; null = no CloudEvent.';


--
-- Name: COLUMN events.extensions; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.events.extensions IS 'Attributes of a CloudEvent that have no column: a JSON object of name to value; null = none.';


--
-- Name: partition_totals; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.partition_totals (
    from_time timestamp with time zone NOT NULL,
    events bigint,
    requests bigint,
    created bigint,
    failed_input bigint,
    carried bigint,
    kept_from timestamp with time zone,
    closed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    counted_at timestamp with time zone,
    dropped_at timestamp with time zone,
    CONSTRAINT partition_totals_add_up CHECK (((counted_at IS NULL) OR (((events >= 0) AND (carried >= 0) AND (requests = ((created + failed_input) + carried))) IS TRUE))),
    CONSTRAINT partition_totals_whole_hours CHECK ((date_trunc('hour'::text, from_time, 'UTC'::text) = from_time))
);


ALTER TABLE cievents.partition_totals OWNER TO postgres;

--
-- Name: TABLE partition_totals; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.partition_totals IS 'An hour of events and requests past retention: closed for writers, then counted, then dropped but for what is carried on.';


--
-- Name: COLUMN partition_totals.from_time; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.from_time IS 'Begin of the hour, by the time in the uids.';


--
-- Name: COLUMN partition_totals.events; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.events IS 'Events that were in it; null = not counted yet, here and below.';


--
-- Name: COLUMN partition_totals.requests; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.requests IS 'Requests that were in it: created + failed_input + carried.';


--
-- Name: COLUMN partition_totals.created; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.created IS 'Requests that ended as created and are gone.';


--
-- Name: COLUMN partition_totals.failed_input; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.failed_input IS 'Requests that ended as failed_input and are gone.';


--
-- Name: COLUMN partition_totals.carried; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.carried IS 'Requests that are still stored: not ended when the hour was counted, or dead letters. Goes down as they end and leave.';


--
-- Name: COLUMN partition_totals.kept_from; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.kept_from IS 'Not null: a partition named kept and by this hour holds what is carried of the hours since then; null = none was needed, or a later one holds it.';


--
-- Name: COLUMN partition_totals.closed_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.closed_at IS 'From then on nothing is written to the hour.';


--
-- Name: COLUMN partition_totals.counted_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.counted_at IS 'When it was counted; null = not yet.';


--
-- Name: COLUMN partition_totals.dropped_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.partition_totals.dropped_at IS 'When its partitions were detached, to be dropped at once; null = not yet.';


--
-- Name: pipeline_requests; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.pipeline_requests (
    event_uid uuid NOT NULL,
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    path text NOT NULL,
    ref text NOT NULL,
    commit_sha text NOT NULL,
    workflow_id text NOT NULL,
    event_name text NOT NULL,
    entry integer NOT NULL,
    inputs json NOT NULL,
    run_as_user_id bigint NOT NULL,
    enqueued_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
PARTITION BY RANGE (event_uid);


ALTER TABLE cievents.pipeline_requests OWNER TO postgres;

--
-- Name: TABLE pipeline_requests; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.pipeline_requests IS 'One pipeline to create for one event and one subscription; never updated. Hourly partitions on the uid, made by the program.';


--
-- Name: COLUMN pipeline_requests.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.event_uid IS 'The event; with subscription_id the key that makes delivery exact.';


--
-- Name: COLUMN pipeline_requests.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.subscription_id IS 'The subscription.';


--
-- Name: COLUMN pipeline_requests.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.project_id IS 'The subscribing project.';


--
-- Name: COLUMN pipeline_requests.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.root_namespace_id IS 'Root namespace of the subscribing project: the tenant that takes turns.';


--
-- Name: COLUMN pipeline_requests.path; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.path IS 'The pipeline file.';


--
-- Name: COLUMN pipeline_requests.ref; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.ref IS 'The branch to run on.';


--
-- Name: COLUMN pipeline_requests.commit_sha; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.commit_sha IS 'Commit whose subscription decided, hex.';


--
-- Name: COLUMN pipeline_requests.workflow_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.workflow_id IS 'Workflow id that decided, hex.';


--
-- Name: COLUMN pipeline_requests.event_name; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.event_name IS 'The event''s name that matched.';


--
-- Name: COLUMN pipeline_requests.entry; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.entry IS 'The deciding entry''s index in the subscription, 0-based.';


--
-- Name: COLUMN pipeline_requests.inputs; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.inputs IS 'Resolved inputs, a JSON object, kept bit by bit.';


--
-- Name: COLUMN pipeline_requests.run_as_user_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.run_as_user_id IS 'User id that the pipeline runs as.';


--
-- Name: COLUMN pipeline_requests.enqueued_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.pipeline_requests.enqueued_at IS 'When it was written.';


--
-- Name: projects; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.projects (
    project_id bigint NOT NULL,
    namespace_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    root_namespace_id bigint GENERATED ALWAYS AS (COALESCE(namespace_ids[1], (0)::bigint)) STORED NOT NULL,
    slot smallint DEFAULT 0 NOT NULL,
    path text DEFAULT ''::text NOT NULL,
    default_branch text DEFAULT ''::text NOT NULL,
    ci_config_path text DEFAULT ''::text NOT NULL,
    push_sequence bigint DEFAULT 0 NOT NULL,
    commit_sha text DEFAULT ''::text NOT NULL,
    run_as_user_id bigint DEFAULT 0 NOT NULL,
    allowed_scopes text[] DEFAULT '{}'::text[] NOT NULL,
    deleted_at timestamp with time zone,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    location_sequence bigint DEFAULT 0 NOT NULL,
    availability_sequence bigint DEFAULT 0 NOT NULL,
    existence_sequence bigint DEFAULT 0 NOT NULL,
    archived boolean DEFAULT false NOT NULL,
    ci_disabled boolean DEFAULT false NOT NULL,
    permission_namespace_ids bigint[],
    CONSTRAINT projects_namespaces_max CHECK ((cardinality(namespace_ids) <= 100)),
    CONSTRAINT projects_slot_in_range CHECK (((slot >= 0) AND (slot <= 1023)))
);


ALTER TABLE cievents.projects OWNER TO postgres;

--
-- Name: TABLE projects; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.projects IS 'A project that CI Events knows: the lock of its pushes and its entry in the change feed.';


--
-- Name: COLUMN projects.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.project_id IS 'GitLab''s id of the project.';


--
-- Name: COLUMN projects.namespace_ids; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.namespace_ids IS 'Ids of its ancestors, root first; the last is the parent group.';


--
-- Name: COLUMN projects.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.root_namespace_id IS 'Id of the root namespace: the tenant, and the sharding key.';


--
-- Name: COLUMN projects.slot; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.slot IS 'Slot of the root namespace, 0 to 1023; computed by the program, fixed for ever.';


--
-- Name: COLUMN projects.path; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.path IS 'Full path, for people; may be empty.';


--
-- Name: COLUMN projects.default_branch; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.default_branch IS 'The branch whose files subscribe, and on which event pipelines run.';


--
-- Name: COLUMN projects.ci_config_path; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.ci_config_path IS 'Path of the project''s CI file.';


--
-- Name: COLUMN projects.push_sequence; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.push_sequence IS 'Number of the last applied push, counted up by the producer for each project; 0 = none yet.';


--
-- Name: COLUMN projects.commit_sha; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.commit_sha IS 'Commit of the last applied push, hex.';


--
-- Name: COLUMN projects.run_as_user_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.run_as_user_id IS 'User id named by the last applied push; 0 = none.';


--
-- Name: COLUMN projects.allowed_scopes; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.allowed_scopes IS 'Permissions that the last push gave: scopes beyond the project''s own events.';


--
-- Name: COLUMN projects.deleted_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.deleted_at IS 'When the project was deleted; null = it exists. Its subscriptions are not live meanwhile, and are again with the same ids when it returns.';


--
-- Name: COLUMN projects.changed_xid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.changed_xid IS 'Transaction that last changed the set: what the change feed reads. Written by cievents.mark_project_changed only.';


--
-- Name: COLUMN projects.changed_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.changed_at IS 'When the set was last changed; for people and for lag metrics, never for the feed.';


--
-- Name: COLUMN projects.location_sequence; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.location_sequence IS 'Number of the call that last said where the project is (namespace_ids, path); counts if it is over push_sequence. 0 = none yet.';


--
-- Name: COLUMN projects.availability_sequence; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.availability_sequence IS 'Number of the call that last said archived and ci_disabled; 0 = none yet.';


--
-- Name: COLUMN projects.existence_sequence; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.existence_sequence IS 'Number of the call that last said that the project exists, or is deleted; counts if it is over push_sequence. 0 = none yet.';


--
-- Name: COLUMN projects.archived; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.archived IS 'True: the project is archived. Matches of its subscriptions are counted and make no requests.';


--
-- Name: COLUMN projects.ci_disabled; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.ci_disabled IS 'True: the project''s CI is disabled. Matches of its subscriptions are counted and make no requests.';


--
-- Name: COLUMN projects.permission_namespace_ids; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.projects.permission_namespace_ids IS 'Ancestors for which the last applied push gave its permissions, root first; null = those of now. Not null: the project has moved since, and entries with a scope beyond its own events are suspended.';


--
-- Name: ready_requests; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.ready_requests (
    id bigint NOT NULL,
    event_uid uuid NOT NULL,
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    ready_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000');


ALTER TABLE cievents.ready_requests OWNER TO postgres;

--
-- Name: TABLE ready_requests; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.ready_requests IS 'A request that waits to be taken.';


--
-- Name: COLUMN ready_requests.id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.id IS 'Order within the tenant; does not become visible in order.';


--
-- Name: COLUMN ready_requests.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.event_uid IS 'The request''s event.';


--
-- Name: COLUMN ready_requests.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.subscription_id IS 'The request''s subscription.';


--
-- Name: COLUMN ready_requests.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.project_id IS 'The subscribing project.';


--
-- Name: COLUMN ready_requests.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN ready_requests.attempt; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.attempt IS 'Attempts made so far.';


--
-- Name: COLUMN ready_requests.ready_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.ready_requests.ready_at IS 'Since when it waits.';


--
-- Name: ready_requests_id_seq; Type: SEQUENCE; Schema: cievents; Owner: postgres
--

ALTER TABLE cievents.ready_requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME cievents.ready_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: request_outcomes; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.request_outcomes (
    event_uid uuid NOT NULL,
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    attempt integer NOT NULL,
    owner text NOT NULL,
    outcome text NOT NULL,
    pipeline_id bigint,
    reason text NOT NULL,
    ended_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT request_outcomes_outcome CHECK ((outcome = ANY (ARRAY['created'::text, 'retry'::text, 'dead'::text, 'lease_expired'::text, 'failed_input'::text])))
)
PARTITION BY RANGE (ended_at);


ALTER TABLE cievents.request_outcomes OWNER TO postgres;

--
-- Name: TABLE request_outcomes; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.request_outcomes IS 'An attempt and what came of it, or why a request ended without one; append-only. Daily partitions, made by the program.';


--
-- Name: COLUMN request_outcomes.event_uid; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.event_uid IS 'The request''s event.';


--
-- Name: COLUMN request_outcomes.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.subscription_id IS 'The request''s subscription.';


--
-- Name: COLUMN request_outcomes.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.project_id IS 'The subscribing project.';


--
-- Name: COLUMN request_outcomes.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN request_outcomes.attempt; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.attempt IS 'Number of the attempt, 1-based; 0 = ended when its event was matched.';


--
-- Name: COLUMN request_outcomes.owner; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.owner IS 'Who held the lease; empty = nobody.';


--
-- Name: COLUMN request_outcomes.outcome; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.outcome IS 'created, retry, dead, lease_expired or failed_input.';


--
-- Name: COLUMN request_outcomes.pipeline_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.pipeline_id IS 'The created pipeline; null = none.';


--
-- Name: COLUMN request_outcomes.reason; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.reason IS 'What happened, for people; may be empty.';


--
-- Name: COLUMN request_outcomes.ended_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.request_outcomes.ended_at IS 'When the attempt ended.';


--
-- Name: schema_migrations; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT schema_migrations_checksum_is_sha256 CHECK ((checksum ~ '^[0-9a-f]{64}$'::text))
);


ALTER TABLE cievents.schema_migrations OWNER TO postgres;

--
-- Name: TABLE schema_migrations; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.schema_migrations IS 'One row a migration that is applied; written by `cievents migrate` only.';


--
-- Name: COLUMN schema_migrations.version; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.schema_migrations.version IS 'Number of the migration; 1, 2, 3, without gaps.';


--
-- Name: COLUMN schema_migrations.name; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.schema_migrations.name IS 'File name without number and ending.';


--
-- Name: COLUMN schema_migrations.checksum; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.schema_migrations.checksum IS 'SHA-256 of the up file, 64 lower-case hex digits.';


--
-- Name: COLUMN schema_migrations.applied_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.schema_migrations.applied_at IS 'When it was applied.';


--
-- Name: shards; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.shards (
    shard_index integer NOT NULL,
    shard_count integer NOT NULL,
    address text NOT NULL,
    topology_version bigint NOT NULL,
    loaded_shard_counts integer[] NOT NULL,
    loaded_slots integer NOT NULL,
    spool_records bigint NOT NULL,
    spool_bytes bigint NOT NULL,
    spool_oldest_at timestamp with time zone,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT shards_count_in_range CHECK (((shard_count >= 1) AND (shard_count <= 1024))),
    CONSTRAINT shards_index_in_range CHECK (((shard_index >= 0) AND (shard_index <= 1023)))
);


ALTER TABLE cievents.shards OWNER TO postgres;

--
-- Name: TABLE shards; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.shards IS 'A matcher process by its index, as it last reported itself (every second).';


--
-- Name: COLUMN shards.shard_index; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.shard_index IS 'Which one it is, from 0.';


--
-- Name: COLUMN shards.shard_count; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.shard_count IS 'Of how many it was told to be one.';


--
-- Name: COLUMN shards.address; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.address IS 'host:port where the others and clients reach it.';


--
-- Name: COLUMN shards.topology_version; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.topology_version IS 'The layout that it goes by; 0 = none yet.';


--
-- Name: COLUMN shards.loaded_shard_counts; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.loaded_shard_counts IS 'The layouts, by their number of shards, whose slots of this index it has loaded and follows.';


--
-- Name: COLUMN shards.loaded_slots; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.loaded_slots IS 'How many of the 1024 slots it has loaded.';


--
-- Name: COLUMN shards.spool_records; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.spool_records IS 'Events that wait in its spool.';


--
-- Name: COLUMN shards.spool_bytes; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.spool_bytes IS 'Bytes that wait in its spool.';


--
-- Name: COLUMN shards.spool_oldest_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.spool_oldest_at IS 'When the oldest of them was received; null = none waits.';


--
-- Name: COLUMN shards.started_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.started_at IS 'When the process started, by its clock.';


--
-- Name: COLUMN shards.seen_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.shards.seen_at IS 'When it last reported itself, by Postgres'' clock.';


--
-- Name: subscriptions; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.subscriptions (
    subscription_id bigint NOT NULL,
    project_id bigint NOT NULL,
    root_namespace_id bigint NOT NULL,
    path text NOT NULL,
    inputs_digest text NOT NULL,
    workflow_id text NOT NULL,
    entries json NOT NULL,
    inputs json NOT NULL,
    owner_user_id bigint NOT NULL,
    suspended boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    spec_inputs json DEFAULT '{}'::json NOT NULL,
    hoisted_rules json DEFAULT '{}'::json NOT NULL,
    on_every_shard boolean GENERATED ALWAYS AS ((((entries)::text ~~ '%"scope":"instance"%'::text) OR ((entries)::text ~~ '%"scope":{%'::text))) STORED NOT NULL
);


ALTER TABLE cievents.subscriptions OWNER TO postgres;

--
-- Name: TABLE subscriptions; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.subscriptions IS 'One pipeline definition of one project. Its id is stable: rows are updated or ended, never deleted.';


--
-- Name: COLUMN subscriptions.subscription_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.subscription_id IS 'Stable id; with the event uid the key of a pipeline request.';


--
-- Name: COLUMN subscriptions.project_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.project_id IS 'The subscribing project.';


--
-- Name: COLUMN subscriptions.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.root_namespace_id IS 'Root namespace of the project: the tenant.';


--
-- Name: COLUMN subscriptions.path; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.path IS 'The pipeline file.';


--
-- Name: COLUMN subscriptions.inputs_digest; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.inputs_digest IS 'Digest of the include inputs; `displaced:ID` on an ended row whose key went to another id.';


--
-- Name: COLUMN subscriptions.workflow_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.workflow_id IS 'SHA-256 of the canonical definition, hex.';


--
-- Name: COLUMN subscriptions.entries; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.entries IS 'Patterns, conditions, inputs and options: canonical JSON, kept bit by bit.';


--
-- Name: COLUMN subscriptions.inputs; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.inputs IS 'Inputs that the include gives: canonical JSON, kept bit by bit.';


--
-- Name: COLUMN subscriptions.owner_user_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.owner_user_id IS 'User id of the last pusher who changed workflow id or inputs; 0 = none.';


--
-- Name: COLUMN subscriptions.suspended; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.suspended IS 'True: matches are counted and make no requests.';


--
-- Name: COLUMN subscriptions.created_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.created_at IS 'When the key first appeared; kept when it returns.';


--
-- Name: COLUMN subscriptions.updated_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.updated_at IS 'When the row last changed.';


--
-- Name: COLUMN subscriptions.ended_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.ended_at IS 'When the key was removed; null = live. The row stays, and the id returns with the key.';


--
-- Name: COLUMN subscriptions.spec_inputs; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.spec_inputs IS 'Inputs that the pipeline file declares (`spec: inputs`): canonical JSON, kept bit by bit.';


--
-- Name: COLUMN subscriptions.hoisted_rules; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.hoisted_rules IS 'Rules of the CI file that filter before a request exists (`workflow`, `jobs`): canonical JSON, kept bit by bit; {} = none.';


--
-- Name: COLUMN subscriptions.on_every_shard; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.subscriptions.on_every_shard IS 'True: events of any slot may fire it, since an entry has the scope instance, or another project. It may be true of others, too.';


--
-- Name: subscriptions_subscription_id_seq; Type: SEQUENCE; Schema: cievents; Owner: postgres
--

ALTER TABLE cievents.subscriptions ALTER COLUMN subscription_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME cievents.subscriptions_subscription_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: tenant_queues; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.tenant_queues (
    root_namespace_id bigint NOT NULL,
    next_turn_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    low_water_id bigint DEFAULT 0 NOT NULL,
    full_scan_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='500');


ALTER TABLE cievents.tenant_queues OWNER TO postgres;

--
-- Name: TABLE tenant_queues; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.tenant_queues IS 'A tenant with ready requests, and when its turn comes: fairness and pacing.';


--
-- Name: COLUMN tenant_queues.root_namespace_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.tenant_queues.root_namespace_id IS 'The tenant: a root namespace; 0 = none known.';


--
-- Name: COLUMN tenant_queues.next_turn_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.tenant_queues.next_turn_at IS 'Not before this time is it the tenant''s turn; the earliest goes first.';


--
-- Name: COLUMN tenant_queues.low_water_id; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.tenant_queues.low_water_id IS 'Hint: ready requests below this id were probably taken; it only saves reading dead rows.';


--
-- Name: COLUMN tenant_queues.full_scan_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.tenant_queues.full_scan_at IS 'When the hint is ignored next, because ids do not become visible in order.';


--
-- Name: topology; Type: TABLE; Schema: cievents; Owner: postgres
--

CREATE TABLE cievents.topology (
    only_row boolean DEFAULT true NOT NULL,
    topology_version bigint NOT NULL,
    shard_count integer NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT topology_one_row CHECK (only_row),
    CONSTRAINT topology_shard_count_in_range CHECK (((shard_count >= 1) AND (shard_count <= 1024))),
    CONSTRAINT topology_version_positive CHECK ((topology_version > 0))
);


ALTER TABLE cievents.topology OWNER TO postgres;

--
-- Name: TABLE topology; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON TABLE cievents.topology IS 'The layout that counts: slot s belongs to shard s * shard_count / 1024. One row, or none before the first matcher.';


--
-- Name: COLUMN topology.only_row; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.topology.only_row IS 'Always true: there is one row.';


--
-- Name: COLUMN topology.topology_version; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.topology.topology_version IS 'Counted up with every change of the layout.';


--
-- Name: COLUMN topology.shard_count; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.topology.shard_count IS 'Shards that share the 1024 slots.';


--
-- Name: COLUMN topology.changed_at; Type: COMMENT; Schema: cievents; Owner: postgres
--

COMMENT ON COLUMN cievents.topology.changed_at IS 'When this layout began to count.';


--
-- Name: balance; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.balance AS
 WITH states AS (
         SELECT pipeline_requests.event_uid,
            pipeline_requests.subscription_id,
            NULL::text AS state
           FROM cievents.pipeline_requests
        UNION ALL
         SELECT ready_requests.event_uid,
            ready_requests.subscription_id,
            'ready'::text
           FROM cievents.ready_requests
        UNION ALL
         SELECT active_requests.event_uid,
            active_requests.subscription_id,
            'active'::text
           FROM cievents.active_requests
        UNION ALL
         SELECT deferred_requests.event_uid,
            deferred_requests.subscription_id,
            'deferred'::text
           FROM cievents.deferred_requests
        UNION ALL
         SELECT dead_letters.event_uid,
            dead_letters.subscription_id,
            'dead'::text
           FROM cievents.dead_letters
        UNION ALL
         SELECT request_outcomes.event_uid,
            request_outcomes.subscription_id,
            request_outcomes.outcome
           FROM cievents.request_outcomes
          WHERE (request_outcomes.outcome = ANY (ARRAY['created'::text, 'failed_input'::text]))
        )
 SELECT states.event_uid,
    states.subscription_id,
    bool_or((states.state IS NULL)) AS stored,
    COALESCE(array_agg(states.state ORDER BY states.state) FILTER (WHERE (states.state IS NOT NULL)), '{}'::text[]) AS states
   FROM states
  GROUP BY states.event_uid, states.subscription_id
 HAVING (((count(states.state) <> 1) OR (NOT bool_or((states.state IS NULL)))) AND (bool_or((states.state IS NULL)) OR bool_or((states.state = ANY (ARRAY['ready'::text, 'active'::text, 'deferred'::text, 'dead'::text]))) OR COALESCE((states.event_uid >= ( SELECT cievents.uuid7_floor(cievents.dropped_through()) AS uuid7_floor)), true)));


ALTER TABLE cievents_admin.balance OWNER TO postgres;

--
-- Name: VIEW balance; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.balance IS 'Requests that are not in exactly one state. Empty, unless something is wrong. Those that went with their hour are counted in partition_totals.';


--
-- Name: COLUMN balance.event_uid; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.balance.event_uid IS 'The event.';


--
-- Name: COLUMN balance.subscription_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.balance.subscription_id IS 'The subscription.';


--
-- Name: COLUMN balance.stored; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.balance.stored IS 'True: the request itself is there; false: only a state of it is.';


--
-- Name: COLUMN balance.states; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.balance.states IS 'The states it is in.';


--
-- Name: config_issues; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.config_issues AS
 SELECT c.push_id,
    c.root_namespace_id,
    c.project_id,
    c.commit_sha,
    (i.value ->> 'severity'::text) AS severity,
    (i.value ->> 'code'::text) AS code,
    (i.value ->> 'file'::text) AS file,
    ((i.value ->> 'line'::text))::integer AS line,
    ((i.value ->> 'column'::text))::integer AS "column",
    (i.value ->> 'message'::text) AS message,
    (i.value ->> 'suggestion'::text) AS suggestion,
    c.pushed_at
   FROM (cievents.config_pushes c
     CROSS JOIN LATERAL json_array_elements(c.issues) i(value));


ALTER TABLE cievents_admin.config_issues OWNER TO postgres;

--
-- Name: VIEW config_issues; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.config_issues IS 'The issues of the last pushes, one row each.';


--
-- Name: COLUMN config_issues.push_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.push_id IS 'The push.';


--
-- Name: COLUMN config_issues.root_namespace_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN config_issues.project_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.project_id IS 'The project.';


--
-- Name: COLUMN config_issues.commit_sha; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.commit_sha IS 'The pushed commit, hex.';


--
-- Name: COLUMN config_issues.severity; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.severity IS 'error, warning or info.';


--
-- Name: COLUMN config_issues.code; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.code IS 'Stable code; the documentation lists them.';


--
-- Name: COLUMN config_issues.file; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.file IS 'Path in the project.';


--
-- Name: COLUMN config_issues.line; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.line IS '1-based; 0 = the whole file.';


--
-- Name: COLUMN config_issues."column"; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues."column" IS '1-based, in bytes; 0 = unknown.';


--
-- Name: COLUMN config_issues.message; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.message IS 'What is wrong.';


--
-- Name: COLUMN config_issues.suggestion; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.suggestion IS 'What to write instead; empty = none.';


--
-- Name: COLUMN config_issues.pushed_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_issues.pushed_at IS 'When the push was handled.';


--
-- Name: config_pushes; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.config_pushes AS
 SELECT c.push_id,
    c.root_namespace_id,
    c.project_id,
    p.path AS project_path,
    c.push_sequence,
    c.commit_sha,
    c.result,
    c.added,
    c.updated,
    c.removed,
    json_array_length(c.issues) AS issues,
    c.pushed_at
   FROM (cievents.config_pushes c
     LEFT JOIN cievents.projects p USING (project_id));


ALTER TABLE cievents_admin.config_pushes OWNER TO postgres;

--
-- Name: VIEW config_pushes; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.config_pushes IS 'What happened to a push; the last 20 of each project.';


--
-- Name: COLUMN config_pushes.push_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.push_id IS 'Order of arrival.';


--
-- Name: COLUMN config_pushes.root_namespace_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN config_pushes.project_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.project_id IS 'The project.';


--
-- Name: COLUMN config_pushes.project_path; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.project_path IS 'Full path of the project; null = not known.';


--
-- Name: COLUMN config_pushes.push_sequence; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.push_sequence IS 'The number of the push or call.';


--
-- Name: COLUMN config_pushes.commit_sha; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.commit_sha IS 'The pushed commit, hex; empty = not a push.';


--
-- Name: COLUMN config_pushes.result; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.result IS 'applied, applied_with_errors or stale; of calls that changed something: upserted, moved, archived, ci_disabled, reactivated, deleted, restored. What only validates, changes nothing or is malformed leaves no row.';


--
-- Name: COLUMN config_pushes.added; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.added IS 'Subscriptions that are new.';


--
-- Name: COLUMN config_pushes.updated; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.updated IS 'Subscriptions that changed.';


--
-- Name: COLUMN config_pushes.removed; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.removed IS 'Subscriptions that ended.';


--
-- Name: COLUMN config_pushes.issues; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.issues IS 'How many issues it had: see cievents_admin.config_issues.';


--
-- Name: COLUMN config_pushes.pushed_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.config_pushes.pushed_at IS 'When the push was handled.';


--
-- Name: partition_totals; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.partition_totals AS
 SELECT t.from_time,
    t.events,
    t.requests,
    t.created,
    t.failed_input,
    t.carried,
        CASE
            WHEN (t.dropped_at IS NULL) THEN (0)::bigint
            ELSE (t.carried - ( SELECT count(*) AS count
               FROM cievents.pipeline_requests r
              WHERE ((r.event_uid >= cievents.uuid7_floor(t.from_time)) AND (r.event_uid < cievents.uuid7_floor((t.from_time + '01:00:00'::interval))))))
        END AS missing,
    t.closed_at,
    t.counted_at,
    t.dropped_at
   FROM cievents.partition_totals t;


ALTER TABLE cievents_admin.partition_totals OWNER TO postgres;

--
-- Name: VIEW partition_totals; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.partition_totals IS 'The hours past retention, and what was in them.';


--
-- Name: COLUMN partition_totals.from_time; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.from_time IS 'Begin of the hour.';


--
-- Name: COLUMN partition_totals.events; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.events IS 'Events that were in it; null = not counted yet, here and below.';


--
-- Name: COLUMN partition_totals.requests; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.requests IS 'Requests that were in it: created + failed_input + carried.';


--
-- Name: COLUMN partition_totals.created; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.created IS 'Ended as created and gone.';


--
-- Name: COLUMN partition_totals.failed_input; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.failed_input IS 'Ended as failed_input and gone.';


--
-- Name: COLUMN partition_totals.carried; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.carried IS 'Still stored: dead letters, and what had not ended when the hour was counted.';


--
-- Name: COLUMN partition_totals.missing; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.missing IS 'Carried requests that are not stored: 0, unless something is wrong.';


--
-- Name: COLUMN partition_totals.closed_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.closed_at IS 'From then on nothing is written to the hour.';


--
-- Name: COLUMN partition_totals.counted_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.counted_at IS 'When it was counted.';


--
-- Name: COLUMN partition_totals.dropped_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partition_totals.dropped_at IS 'When it left.';


--
-- Name: partitions; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.partitions AS
 SELECT n.table_name,
    (c.relname)::text AS partition_name,
    make_timestamptz(("left"(n.digits, 4))::integer, (substr(n.digits, 5, 2))::integer, (substr(n.digits, 7, 2))::integer, COALESCE((NULLIF(substr(n.digits, 10, 2), ''::text))::integer, 0), 0, (0)::double precision, 'UTC'::text) AS from_time,
    n.kept,
    c.relispartition AS attached,
    (EXISTS ( SELECT
           FROM pg_constraint k
          WHERE ((k.conrelid = c.oid) AND (k.conname = 'retention_is_over'::name)))) AS closed,
    (c.reltuples)::bigint AS rows_estimate,
    pg_total_relation_size((c.oid)::regclass) AS bytes
   FROM (pg_class c
     CROSS JOIN LATERAL ( SELECT m.m[1] AS table_name,
            (m.m[2] IS NOT NULL) AS kept,
            m.m[3] AS digits
           FROM regexp_matches((c.relname)::text, '^(events|pipeline_requests|request_outcomes)_(kept_)?(\d{8}(?:_\d{2})?)$'::text) m(m)) n)
  WHERE ((c.relkind = 'r'::"char") AND (c.relnamespace = ('cievents'::regnamespace)::oid));


ALTER TABLE cievents_admin.partitions OWNER TO postgres;

--
-- Name: VIEW partitions; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.partitions IS 'The partitions of events, pipeline_requests (by the hour) and request_outcomes (by the day), as their names say.';


--
-- Name: COLUMN partitions.table_name; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.table_name IS 'The table that it is a part of.';


--
-- Name: COLUMN partitions.partition_name; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.partition_name IS 'The partition.';


--
-- Name: COLUMN partitions.from_time; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.from_time IS 'Begin of its hour or day; of a kept one, of the last hour that it holds something of.';


--
-- Name: COLUMN partitions.kept; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.kept IS 'True: it holds what is carried of hours that were dropped.';


--
-- Name: COLUMN partitions.attached; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.attached IS 'False: it is being made, or about to be dropped.';


--
-- Name: COLUMN partitions.closed; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.closed IS 'True: nothing is written to it any more.';


--
-- Name: COLUMN partitions.rows_estimate; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.rows_estimate IS 'Rows, by the last statistics; -1 = none yet.';


--
-- Name: COLUMN partitions.bytes; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.partitions.bytes IS 'Bytes on disk, indexes included.';


--
-- Name: queue_overview; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.queue_overview AS
 WITH tenants AS (
         SELECT ready_requests.root_namespace_id,
            'ready'::text AS state,
            ready_requests.ready_at AS since
           FROM cievents.ready_requests
        UNION ALL
         SELECT active_requests.root_namespace_id,
            'active'::text,
            active_requests.claimed_at
           FROM cievents.active_requests
        UNION ALL
         SELECT deferred_requests.root_namespace_id,
            'deferred'::text,
            deferred_requests.deferred_at
           FROM cievents.deferred_requests
        UNION ALL
         SELECT dead_letters.root_namespace_id,
            'dead'::text,
            dead_letters.died_at
           FROM cievents.dead_letters
        )
 SELECT t.root_namespace_id,
    count(*) FILTER (WHERE (t.state = 'ready'::text)) AS ready,
    count(*) FILTER (WHERE (t.state = 'active'::text)) AS active,
    count(*) FILTER (WHERE (t.state = 'deferred'::text)) AS deferred,
    count(*) FILTER (WHERE (t.state = 'dead'::text)) AS dead,
    min(t.since) FILTER (WHERE (t.state = 'ready'::text)) AS oldest_ready_at,
    q.next_turn_at
   FROM (tenants t
     LEFT JOIN cievents.tenant_queues q USING (root_namespace_id))
  GROUP BY t.root_namespace_id, q.next_turn_at;


ALTER TABLE cievents_admin.queue_overview OWNER TO postgres;

--
-- Name: VIEW queue_overview; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.queue_overview IS 'The queue, one row a tenant that has anything in it.';


--
-- Name: COLUMN queue_overview.root_namespace_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN queue_overview.ready; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.ready IS 'Requests that wait to be taken.';


--
-- Name: COLUMN queue_overview.active; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.active IS 'Requests that are leased.';


--
-- Name: COLUMN queue_overview.deferred; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.deferred IS 'Requests that wait for a time or a decision.';


--
-- Name: COLUMN queue_overview.dead; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.dead IS 'Requests that were given up.';


--
-- Name: COLUMN queue_overview.oldest_ready_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.oldest_ready_at IS 'Since when the oldest ready request waits; null = none waits.';


--
-- Name: COLUMN queue_overview.next_turn_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.queue_overview.next_turn_at IS 'Not before this time is it the tenant''s turn; null = it has none.';


--
-- Name: requests; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.requests AS
 SELECT r.event_uid,
    r.subscription_id,
    r.root_namespace_id,
    r.project_id,
    r.path,
    r.ref,
    r.commit_sha,
    r.workflow_id,
    r.event_name,
    r.entry,
    r.run_as_user_id,
    r.enqueued_at,
        CASE
            WHEN (a.event_uid IS NOT NULL) THEN 'active'::text
            WHEN (q.event_uid IS NOT NULL) THEN 'ready'::text
            WHEN (d.event_uid IS NOT NULL) THEN 'deferred'::text
            WHEN (l.event_uid IS NOT NULL) THEN 'dead'::text
            WHEN (c.attempt IS NOT NULL) THEN c.outcome
            ELSE NULL::text
        END AS state,
    COALESCE(a.attempt, q.attempt, d.attempt, l.attempt, c.attempt) AS attempt,
    a.owner,
    a.lease_until,
    d.due_at,
    c.pipeline_id,
    COALESCE(d.reason, l.reason,
        CASE
            WHEN (c.outcome <> 'created'::text) THEN c.reason
            ELSE NULL::text
        END) AS reason,
    COALESCE(a.claimed_at, q.ready_at, d.deferred_at, l.died_at, c.ended_at) AS state_since
   FROM (((((cievents.pipeline_requests r
     LEFT JOIN cievents.active_requests a USING (event_uid, subscription_id))
     LEFT JOIN cievents.ready_requests q USING (event_uid, subscription_id))
     LEFT JOIN cievents.deferred_requests d USING (event_uid, subscription_id))
     LEFT JOIN cievents.dead_letters l USING (event_uid, subscription_id))
     LEFT JOIN LATERAL ( SELECT o.attempt,
            o.pipeline_id,
            o.ended_at,
            o.outcome,
            o.reason
           FROM cievents.request_outcomes o
          WHERE ((o.event_uid = r.event_uid) AND (o.subscription_id = r.subscription_id) AND (o.outcome = ANY (ARRAY['created'::text, 'failed_input'::text])))
         LIMIT 1) c ON (true));


ALTER TABLE cievents_admin.requests OWNER TO postgres;

--
-- Name: VIEW requests; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.requests IS 'Every pipeline request and where it stands.';


--
-- Name: COLUMN requests.event_uid; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.event_uid IS 'The event.';


--
-- Name: COLUMN requests.subscription_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.subscription_id IS 'The subscription.';


--
-- Name: COLUMN requests.root_namespace_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.root_namespace_id IS 'The tenant: root namespace of the subscribing project.';


--
-- Name: COLUMN requests.project_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.project_id IS 'The subscribing project.';


--
-- Name: COLUMN requests.path; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.path IS 'The pipeline file.';


--
-- Name: COLUMN requests.ref; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.ref IS 'The branch to run on.';


--
-- Name: COLUMN requests.commit_sha; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.commit_sha IS 'Commit whose subscription decided, hex.';


--
-- Name: COLUMN requests.workflow_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.workflow_id IS 'Workflow id that decided, hex.';


--
-- Name: COLUMN requests.event_name; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.event_name IS 'The event''s name that matched.';


--
-- Name: COLUMN requests.entry; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.entry IS 'The deciding entry''s index, 0-based.';


--
-- Name: COLUMN requests.run_as_user_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.run_as_user_id IS 'User id that the pipeline runs as.';


--
-- Name: COLUMN requests.enqueued_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.enqueued_at IS 'When it was written.';


--
-- Name: COLUMN requests.state; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.state IS 'ready, active, deferred, created, dead or failed_input; null = none, which cievents_admin.balance lists.';


--
-- Name: COLUMN requests.attempt; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.attempt IS 'Attempts so far, the running one included.';


--
-- Name: COLUMN requests.owner; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.owner IS 'Who holds the lease (active).';


--
-- Name: COLUMN requests.lease_until; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.lease_until IS 'End of the lease (active).';


--
-- Name: COLUMN requests.due_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.due_at IS 'When it becomes ready again (deferred).';


--
-- Name: COLUMN requests.pipeline_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.pipeline_id IS 'The pipeline (created).';


--
-- Name: COLUMN requests.reason; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.reason IS 'What happened (deferred, dead, failed_input).';


--
-- Name: COLUMN requests.state_since; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.requests.state_since IS 'Since when it is in this state.';


--
-- Name: shards; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.shards AS
 SELECT s.shard_index,
    s.shard_count,
    s.address,
    s.topology_version,
    ( SELECT t.topology_version
           FROM cievents.topology t) AS newest_topology_version,
    s.loaded_slots,
    s.spool_records,
    s.spool_bytes,
    s.spool_oldest_at,
    s.started_at,
    s.seen_at,
    (s.seen_at > (clock_timestamp() - '00:00:10'::interval)) AS alive
   FROM cievents.shards s;


ALTER TABLE cievents_admin.shards OWNER TO postgres;

--
-- Name: VIEW shards; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.shards IS 'The matchers, with what waits in their spools.';


--
-- Name: COLUMN shards.shard_index; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.shard_index IS 'Which one it is, from 0.';


--
-- Name: COLUMN shards.shard_count; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.shard_count IS 'Of how many it was told to be one.';


--
-- Name: COLUMN shards.address; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.address IS 'host:port.';


--
-- Name: COLUMN shards.topology_version; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.topology_version IS 'The layout that it goes by.';


--
-- Name: COLUMN shards.newest_topology_version; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.newest_topology_version IS 'The layout that counts.';


--
-- Name: COLUMN shards.loaded_slots; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.loaded_slots IS 'How many of the 1024 slots it has loaded.';


--
-- Name: COLUMN shards.spool_records; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.spool_records IS 'Events that wait in its spool.';


--
-- Name: COLUMN shards.spool_bytes; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.spool_bytes IS 'Bytes that wait in its spool.';


--
-- Name: COLUMN shards.spool_oldest_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.spool_oldest_at IS 'When the oldest of them was received; null = none waits.';


--
-- Name: COLUMN shards.started_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.started_at IS 'When the process started.';


--
-- Name: COLUMN shards.seen_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.seen_at IS 'When it last reported itself.';


--
-- Name: COLUMN shards.alive; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.shards.alive IS 'True: it reported itself in the last 10 seconds.';


--
-- Name: subscriptions_effective; Type: VIEW; Schema: cievents_admin; Owner: postgres
--

CREATE VIEW cievents_admin.subscriptions_effective AS
 SELECT s.subscription_id,
    s.root_namespace_id,
    s.project_id,
    p.path AS project_path,
    s.path,
    s.inputs_digest,
    s.workflow_id,
    ( SELECT json_agg((e.entry - 'inputs'::text) ORDER BY e.place) AS json_agg
           FROM jsonb_array_elements((s.entries)::jsonb) WITH ORDINALITY e(entry, place)) AS entries,
    s.owner_user_id,
    (s.suspended OR p.archived OR p.ci_disabled) AS suspended,
    p.default_branch,
    p.commit_sha,
    s.created_at,
    s.updated_at,
    (p.permission_namespace_ids IS NOT NULL) AS scopes_suspended
   FROM (cievents.subscriptions s
     JOIN cievents.projects p USING (project_id))
  WHERE ((s.ended_at IS NULL) AND (p.deleted_at IS NULL));


ALTER TABLE cievents_admin.subscriptions_effective OWNER TO postgres;

--
-- Name: VIEW subscriptions_effective; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON VIEW cievents_admin.subscriptions_effective IS 'The live subscriptions: what matchers hold.';


--
-- Name: COLUMN subscriptions_effective.subscription_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.subscription_id IS 'Stable id.';


--
-- Name: COLUMN subscriptions_effective.root_namespace_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.root_namespace_id IS 'The tenant.';


--
-- Name: COLUMN subscriptions_effective.project_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.project_id IS 'The subscribing project.';


--
-- Name: COLUMN subscriptions_effective.project_path; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.project_path IS 'Full path of the project; may be empty.';


--
-- Name: COLUMN subscriptions_effective.path; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.path IS 'The pipeline file.';


--
-- Name: COLUMN subscriptions_effective.inputs_digest; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.inputs_digest IS 'Digest of the include inputs.';


--
-- Name: COLUMN subscriptions_effective.workflow_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.workflow_id IS 'SHA-256 of the canonical definition, hex.';


--
-- Name: COLUMN subscriptions_effective.entries; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.entries IS 'The entries, as read from the file, without the values of their inputs.';


--
-- Name: COLUMN subscriptions_effective.owner_user_id; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.owner_user_id IS 'User id of its owner; 0 = none.';


--
-- Name: COLUMN subscriptions_effective.suspended; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.suspended IS 'True: matches make no requests; the project is archived, or its CI is disabled.';


--
-- Name: COLUMN subscriptions_effective.default_branch; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.default_branch IS 'The branch that its pipelines run on.';


--
-- Name: COLUMN subscriptions_effective.commit_sha; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.commit_sha IS 'Commit of the project''s last applied push, hex.';


--
-- Name: COLUMN subscriptions_effective.created_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.created_at IS 'When its key first appeared.';


--
-- Name: COLUMN subscriptions_effective.updated_at; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.updated_at IS 'When it last changed.';


--
-- Name: COLUMN subscriptions_effective.scopes_suspended; Type: COMMENT; Schema: cievents_admin; Owner: postgres
--

COMMENT ON COLUMN cievents_admin.subscriptions_effective.scopes_suspended IS 'True: the project has moved since its last push; entries with a scope beyond its own events do not match.';


--
-- Name: active_requests active_requests_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.active_requests
    ADD CONSTRAINT active_requests_pkey PRIMARY KEY (event_uid, subscription_id);


--
-- Name: config_files config_files_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.config_files
    ADD CONSTRAINT config_files_pkey PRIMARY KEY (project_id, path);


--
-- Name: config_pushes config_pushes_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.config_pushes
    ADD CONSTRAINT config_pushes_pkey PRIMARY KEY (push_id);


--
-- Name: dead_letters dead_letters_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (event_uid, subscription_id);


--
-- Name: deferred_requests deferred_requests_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.deferred_requests
    ADD CONSTRAINT deferred_requests_pkey PRIMARY KEY (event_uid, subscription_id);


--
-- Name: event_keys event_keys_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.event_keys
    ADD CONSTRAINT event_keys_pkey PRIMARY KEY (identity_kind, identity_id, source, event_id);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event_uid);


--
-- Name: partition_totals partition_totals_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.partition_totals
    ADD CONSTRAINT partition_totals_pkey PRIMARY KEY (from_time);


--
-- Name: pipeline_requests pipeline_requests_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.pipeline_requests
    ADD CONSTRAINT pipeline_requests_pkey PRIMARY KEY (event_uid, subscription_id);


--
-- Name: projects projects_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (project_id);


--
-- Name: ready_requests ready_requests_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.ready_requests
    ADD CONSTRAINT ready_requests_pkey PRIMARY KEY (event_uid, subscription_id);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);


--
-- Name: shards shards_key; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.shards
    ADD CONSTRAINT shards_key PRIMARY KEY (shard_index);


--
-- Name: subscriptions subscriptions_key; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.subscriptions
    ADD CONSTRAINT subscriptions_key UNIQUE (project_id, path, inputs_digest);


--
-- Name: subscriptions subscriptions_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (subscription_id);


--
-- Name: tenant_queues tenant_queues_pkey; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.tenant_queues
    ADD CONSTRAINT tenant_queues_pkey PRIMARY KEY (root_namespace_id);


--
-- Name: topology topology_key; Type: CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.topology
    ADD CONSTRAINT topology_key PRIMARY KEY (only_row);


--
-- Name: active_requests_lease_until_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX active_requests_lease_until_idx ON cievents.active_requests USING btree (lease_until);


--
-- Name: active_requests_owner_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX active_requests_owner_idx ON cievents.active_requests USING btree (owner);


--
-- Name: config_pushes_project_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX config_pushes_project_idx ON cievents.config_pushes USING btree (project_id, push_id);


--
-- Name: deferred_requests_due_at_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX deferred_requests_due_at_idx ON cievents.deferred_requests USING btree (due_at);


--
-- Name: event_keys_first_seen_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX event_keys_first_seen_idx ON cievents.event_keys USING btree (first_seen_at);


--
-- Name: projects_changed_xid_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX projects_changed_xid_idx ON cievents.projects USING btree (changed_xid);


--
-- Name: ready_requests_turn_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX ready_requests_turn_idx ON cievents.ready_requests USING btree (root_namespace_id, id);


--
-- Name: request_outcomes_request_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX request_outcomes_request_idx ON ONLY cievents.request_outcomes USING btree (event_uid, subscription_id);


--
-- Name: tenant_queues_next_turn_idx; Type: INDEX; Schema: cievents; Owner: postgres
--

CREATE INDEX tenant_queues_next_turn_idx ON cievents.tenant_queues USING btree (next_turn_at);


--
-- Name: config_files config_files_project_fkey; Type: FK CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.config_files
    ADD CONSTRAINT config_files_project_fkey FOREIGN KEY (project_id) REFERENCES cievents.projects(project_id);


--
-- Name: subscriptions subscriptions_project_fkey; Type: FK CONSTRAINT; Schema: cievents; Owner: postgres
--

ALTER TABLE ONLY cievents.subscriptions
    ADD CONSTRAINT subscriptions_project_fkey FOREIGN KEY (project_id) REFERENCES cievents.projects(project_id);


--
-- PostgreSQL database dump complete
--

\unrestrict x

