-- Taking work: tenants take turns, leases end by the database's clock, completions are fenced.
SET LOCAL lock_timeout = '5s';

-- Rows are picked by ctid: they were just locked, so it cannot change, and the plan is always the
-- same. Locks are taken with SKIP LOCKED, so nobody waits for a claim and a claim for nobody.
CREATE FUNCTION cievents.return_due_requests(p_max integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
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
COMMENT ON FUNCTION cievents.return_due_requests(integer) IS 'Makes requests ready again whose lease has ended or whose time has come, at most p_max of each. Returns how many.';

CREATE FUNCTION cievents.sweep_turns() RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
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
COMMENT ON FUNCTION cievents.sweep_turns() IS 'Gives a turn to any tenant that has ready requests and no turn: a lost turn delays and never strands. Returns how many.';

CREATE FUNCTION cievents.claim_requests(
  p_owner text, p_max integer, p_lease_ms bigint, p_turns_from timestamptz DEFAULT '-infinity'
) RETURNS TABLE (
  event_uid uuid, subscription_id bigint, project_id bigint, root_namespace_id bigint,
  attempt integer, lease_until timestamptz, turn_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
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
COMMENT ON FUNCTION cievents.claim_requests(text, integer, bigint, timestamptz) IS 'Leases up to p_max ready requests to p_owner for p_lease_ms milliseconds; tenants take turns. Turns before p_turns_from are not looked at: a hint from the last claim''s turn_at, which saves reading dead rows. Read what belongs to the result in the next statement: it may hold requests that this one''s snapshot does not see.';

CREATE FUNCTION cievents.extend_leases(p_owner text, p_lease_ms bigint) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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
COMMENT ON FUNCTION cievents.extend_leases(text, bigint) IS 'Extends all unexpired leases of an owner to p_lease_ms milliseconds from now. Returns how many.';

CREATE FUNCTION cievents.release_request(
  p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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
COMMENT ON FUNCTION cievents.release_request(uuid, bigint, integer, text) IS 'Gives a leased request back as if it had not been claimed. False: the lease is not the caller''s any more, and nothing was written.';

-- A completion that comes late counts as long as nobody else took the request: the pipeline it
-- reports exists, and refusing it would only make a second one.
CREATE FUNCTION cievents.complete_request(
  p_event_uid uuid, p_subscription_id bigint, p_attempt integer, p_owner text, p_outcome text,
  p_pipeline_id bigint, p_reason text, p_retry_delay_ms bigint
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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
COMMENT ON FUNCTION cievents.complete_request IS 'Ends an attempt: created, retry (after p_retry_delay_ms milliseconds) or dead. False: the lease is not the caller''s any more, and nothing was written.';
