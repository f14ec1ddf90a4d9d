-- enqueue_batch counted the new requests of each event by a nested loop: quadratic in the events of a
-- commit. Its signature and meaning stay.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION cievents.enqueue_batch(
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
  p_end_reasons text[]
) RETURNS TABLE (inserted_requests integer, reused boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- The tables grow and shrink faster than their statistics: the primary keys are always right.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
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
