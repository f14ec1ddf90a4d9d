-- Doors whose producers do not repeat an event's time when they retry (CloudEvents) find the event
-- again by its key: identity, source and id. Native events, whose uid is computed from the time, have
-- no row here and pay nothing.
SET LOCAL lock_timeout = '5s';

-- Little room on a page for the row versions that retries leave.
CREATE TABLE cievents.event_keys (
  identity_kind smallint NOT NULL,
  identity_id bigint NOT NULL,
  source text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  event_uid uuid NOT NULL,
  root_namespace_id bigint NOT NULL,
  first_seen_at timestamptz NOT NULL,
  CONSTRAINT event_keys_pkey PRIMARY KEY (identity_kind, identity_id, source, event_id),
  CONSTRAINT event_keys_identity_kind_known CHECK (identity_kind BETWEEN 0 AND 2)
) WITH (fillfactor = 90);
CREATE INDEX event_keys_first_seen_idx ON cievents.event_keys (first_seen_at);
COMMENT ON TABLE cievents.event_keys IS 'The uid of an event that is known by its key, because its retries do not repeat the time: written with its first requests. Leaves by age: cievents.forget_event_keys.';
COMMENT ON COLUMN cievents.event_keys.identity_kind IS 'What identity_id is the id of: 0 instance, 1 group, 2 project.';
COMMENT ON COLUMN cievents.event_keys.identity_id IS 'Id of the project or group in which the event happened; 0 = instance.';
COMMENT ON COLUMN cievents.event_keys.source IS 'The emitter''s name of itself; with event_id unique for each identity.';
COMMENT ON COLUMN cievents.event_keys.event_id IS 'The emitter''s id of the event.';
COMMENT ON COLUMN cievents.event_keys.event_uid IS 'The event: a row of events while its partition is there.';
COMMENT ON COLUMN cievents.event_keys.root_namespace_id IS 'Root namespace in which it happened, as the first delivery said; 0 = instance event.';
COMMENT ON COLUMN cievents.event_keys.first_seen_at IS 'When the delivery that made the row was received, by the server''s clock; ms; the time in event_uid.';

ALTER TABLE cievents.events
  ADD COLUMN type text,
  ADD COLUMN extensions json;
COMMENT ON COLUMN cievents.events.type IS 'The type of a CloudEvent, as it came; null = no CloudEvent.';
COMMENT ON COLUMN cievents.events.extensions IS 'Attributes of a CloudEvent that have no column: a JSON object of name to value; null = none.';
COMMENT ON COLUMN cievents.events.event_uid IS 'UUIDv7; the time in it is the event''s (ms), for an event with a row in event_keys that of its first delivery; the other bits are a hash of its identity.';

-- The uids of a batch: of a keyed event that of its key, which is made if it is not there. Each key's
-- row is locked until the end of the transaction, in the order of the keys: so two transactions never
-- write rows of the same keyed event at a time, and its rows need no order among those of others.
CREATE FUNCTION cievents.claim_event_keys(
  p_keyed boolean[],
  p_event_uids uuid[],
  p_identity_kinds smallint[],
  p_identity_ids bigint[],
  p_sources text[],
  p_event_ids text[],  -- keys of the keyed events: distinct
  p_root_namespace_ids bigint[],
  p_received_times timestamptz[]
) RETURNS uuid[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- As in enqueue_batch: by the primary key, never by a scan.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
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

-- Deletes at most p_rows_max keys that were first seen before p_seen_before and returns their number.
-- For the retention of partitions: a key must go before the partition that its uid lies in, for it
-- would send retries there. Rows that a delivery holds are passed over, so it waits for nobody.
CREATE FUNCTION cievents.forget_event_keys(p_seen_before timestamptz, p_rows_max integer)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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

-- As 0011 made it, with keys, types and extensions. The one with fewer parameters stays for matchers
-- of the version before.
CREATE FUNCTION cievents.enqueue_batch(
  p_event_uids uuid[],
  p_identity_kinds smallint[],
  p_identity_ids bigint[],
  p_sources text[],
  p_event_ids text[],
  p_names text[],  -- the names of an event, joined by newlines
  p_event_project_ids bigint[],
  p_event_root_namespace_ids bigint[],
  p_event_times timestamptz[],
  p_received_times timestamptz[],
  p_confidential boolean[],
  p_actor_user_ids bigint[],
  p_actor_usernames text[],
  p_actor_access_levels integer[],
  p_actor_bots boolean[],
  p_cause_request_ids text[],
  p_cause_pipeline_ids bigint[],
  p_subjects text[],
  p_data_schemas text[],
  p_data bytea[],
  p_data_digests bytea[],
  p_traceparents text[],
  p_correlation_ids text[],
  p_types text[],  -- of CloudEvents; empty = none
  p_extensions text[],  -- JSON objects; empty = none
  p_keyed boolean[],  -- true: the event's uid is the one of its key; the given one is for a new key
  p_request_event_uids uuid[],
  p_subscription_ids bigint[],
  p_project_ids bigint[],
  p_root_namespace_ids bigint[],
  p_paths text[],
  p_refs text[],
  p_commit_shas text[],
  p_workflow_ids text[],
  p_request_event_names text[],
  p_entries integer[],
  p_inputs json[],
  p_run_as_user_ids bigint[],
  p_ends text[],  -- the outcome that a request ends with at once; empty = it becomes ready
  p_end_reasons text[],
  p_request_events integer[]  -- place of the request's event in the arrays of events, from 1
) RETURNS TABLE (inserted_requests integer, reused boolean, keyed_uid uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- The tables grow and shrink faster than their statistics: the primary keys are always right.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
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

COMMENT ON FUNCTION cievents.claim_event_keys(
  boolean[], uuid[], smallint[], bigint[], text[], text[], bigint[],
  timestamptz[])
  IS 'The uids of a batch: of a keyed event that of its key, which is made if it is not there and locked until the end of the transaction. Only enqueue_batch calls it.';
COMMENT ON FUNCTION cievents.forget_event_keys(timestamptz, integer)
  IS 'Deletes at most so many keys that were first seen before a time; returns how many. For retention: before the partition that holds uids of that time is dropped.';
COMMENT ON FUNCTION cievents.enqueue_batch(
  uuid[], smallint[], bigint[], text[], text[], text[], bigint[], bigint[], timestamptz[],
  timestamptz[], boolean[], bigint[], text[], integer[], boolean[], text[], bigint[], text[],
  text[], bytea[], bytea[], text[], text[], text[], text[], boolean[], uuid[], bigint[],
  bigint[], bigint[], text[], text[], text[], text[], text[], integer[], json[], bigint[],
  text[], text[], integer[])
  IS 'Writes events and their requests in one go; per event, in order, how many of its requests were new, whether its identity is stored with another payload, and its uid if the batch has keyed events.';
