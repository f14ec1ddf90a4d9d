-- Requests that end at the moment their event is matched: an input that does not fit what the
-- pipeline's `spec: inputs` declares (failed_input). Such a request is written like any other, so
-- that it can be found, with an outcome instead of a ready row.
--
-- enqueue_requests stays for matchers of the version before; a later migration drops it.
SET LOCAL lock_timeout = '5s';

ALTER TABLE cievents.request_outcomes DROP CONSTRAINT request_outcomes_outcome;
ALTER TABLE cievents.request_outcomes ADD CONSTRAINT request_outcomes_outcome
  CHECK (outcome IN ('created', 'retry', 'dead', 'lease_expired', 'failed_input'));
COMMENT ON TABLE cievents.request_outcomes IS 'An attempt and what came of it, or why a request ended without one; append-only. Daily partitions, made by the program.';
COMMENT ON COLUMN cievents.request_outcomes.attempt IS 'Number of the attempt, 1-based; 0 = ended when its event was matched.';
COMMENT ON COLUMN cievents.request_outcomes.owner IS 'Who held the lease; empty = nobody.';
COMMENT ON COLUMN cievents.request_outcomes.outcome IS 'created, retry, dead, lease_expired or failed_input.';

-- All statements see the rows in the order of the arrays, which the caller sorts by (event uid,
-- subscription id); two writers with opposite orders would deadlock.
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
COMMENT ON FUNCTION cievents.enqueue_batch IS 'Writes events and their pipeline requests, each at most once whatever is sent again; a request that ends at once gets its outcome and is never ready. Answers for each event, in order: how many requests were new; whether its id was used with another payload, in which case none were written.';

CREATE OR REPLACE VIEW cievents_admin.requests AS
SELECT
  r.event_uid, r.subscription_id, r.root_namespace_id, r.project_id, r.path, r.ref, r.commit_sha,
  r.workflow_id, r.event_name, r.entry, r.run_as_user_id, r.enqueued_at,
  CASE
    WHEN a.event_uid IS NOT NULL THEN 'active'
    WHEN q.event_uid IS NOT NULL THEN 'ready'
    WHEN d.event_uid IS NOT NULL THEN 'deferred'
    WHEN l.event_uid IS NOT NULL THEN 'dead'
    WHEN c.attempt IS NOT NULL THEN c.outcome
  END AS state,
  coalesce(a.attempt, q.attempt, d.attempt, l.attempt, c.attempt) AS attempt,
  a.owner, a.lease_until, d.due_at, c.pipeline_id,
  coalesce(d.reason, l.reason, CASE WHEN c.outcome <> 'created' THEN c.reason END) AS reason,
  coalesce(a.claimed_at, q.ready_at, d.deferred_at, l.died_at, c.ended_at) AS state_since
FROM cievents.pipeline_requests r
LEFT JOIN cievents.active_requests a USING (event_uid, subscription_id)
LEFT JOIN cievents.ready_requests q USING (event_uid, subscription_id)
LEFT JOIN cievents.deferred_requests d USING (event_uid, subscription_id)
LEFT JOIN cievents.dead_letters l USING (event_uid, subscription_id)
LEFT JOIN LATERAL (
  SELECT o.attempt, o.pipeline_id, o.ended_at, o.outcome, o.reason
  FROM cievents.request_outcomes o
  WHERE o.event_uid = r.event_uid AND o.subscription_id = r.subscription_id
    AND o.outcome IN ('created', 'failed_input')
  LIMIT 1
) c ON true;
COMMENT ON COLUMN cievents_admin.requests.state IS 'ready, active, deferred, created, dead or failed_input; null = none, which cievents_admin.balance lists.';
COMMENT ON COLUMN cievents_admin.requests.reason IS 'What happened (deferred, dead, failed_input).';

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
HAVING count(state) <> 1 OR NOT bool_or(state IS NULL);
