-- What people look at. No view shows a payload or an input.
SET LOCAL lock_timeout = '5s';

CREATE VIEW cievents_admin.requests AS
SELECT
  r.event_uid, r.subscription_id, r.root_namespace_id, r.project_id, r.path, r.ref, r.commit_sha,
  r.workflow_id, r.event_name, r.entry, r.run_as_user_id, r.enqueued_at,
  CASE
    WHEN a.event_uid IS NOT NULL THEN 'active'
    WHEN q.event_uid IS NOT NULL THEN 'ready'
    WHEN d.event_uid IS NOT NULL THEN 'deferred'
    WHEN l.event_uid IS NOT NULL THEN 'dead'
    WHEN c.attempt IS NOT NULL THEN 'created'
  END AS state,
  coalesce(a.attempt, q.attempt, d.attempt, l.attempt, c.attempt) AS attempt,
  a.owner, a.lease_until, d.due_at, c.pipeline_id,
  coalesce(d.reason, l.reason) AS reason,
  coalesce(a.claimed_at, q.ready_at, d.deferred_at, l.died_at, c.ended_at) AS state_since
FROM cievents.pipeline_requests r
LEFT JOIN cievents.active_requests a USING (event_uid, subscription_id)
LEFT JOIN cievents.ready_requests q USING (event_uid, subscription_id)
LEFT JOIN cievents.deferred_requests d USING (event_uid, subscription_id)
LEFT JOIN cievents.dead_letters l USING (event_uid, subscription_id)
LEFT JOIN LATERAL (
  SELECT o.attempt, o.pipeline_id, o.ended_at FROM cievents.request_outcomes o
  WHERE o.event_uid = r.event_uid AND o.subscription_id = r.subscription_id
    AND o.outcome = 'created'
  LIMIT 1
) c ON true;
COMMENT ON VIEW cievents_admin.requests IS 'Every pipeline request and where it stands.';
COMMENT ON COLUMN cievents_admin.requests.event_uid IS 'The event.';
COMMENT ON COLUMN cievents_admin.requests.subscription_id IS 'The subscription.';
COMMENT ON COLUMN cievents_admin.requests.root_namespace_id IS 'The tenant: root namespace of the subscribing project.';
COMMENT ON COLUMN cievents_admin.requests.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents_admin.requests.path IS 'The pipeline file.';
COMMENT ON COLUMN cievents_admin.requests.ref IS 'The branch to run on.';
COMMENT ON COLUMN cievents_admin.requests.commit_sha IS 'Commit whose subscription decided, hex.';
COMMENT ON COLUMN cievents_admin.requests.workflow_id IS 'Workflow id that decided, hex.';
COMMENT ON COLUMN cievents_admin.requests.event_name IS 'The event''s name that matched.';
COMMENT ON COLUMN cievents_admin.requests.entry IS 'The deciding entry''s index, 0-based.';
COMMENT ON COLUMN cievents_admin.requests.run_as_user_id IS 'User id that the pipeline runs as.';
COMMENT ON COLUMN cievents_admin.requests.enqueued_at IS 'When it was written.';
COMMENT ON COLUMN cievents_admin.requests.state IS 'ready, active, deferred, created or dead; null = none, which cievents_admin.balance lists.';
COMMENT ON COLUMN cievents_admin.requests.attempt IS 'Attempts so far, the running one included.';
COMMENT ON COLUMN cievents_admin.requests.owner IS 'Who holds the lease (active).';
COMMENT ON COLUMN cievents_admin.requests.lease_until IS 'End of the lease (active).';
COMMENT ON COLUMN cievents_admin.requests.due_at IS 'When it becomes ready again (deferred).';
COMMENT ON COLUMN cievents_admin.requests.pipeline_id IS 'The pipeline (created).';
COMMENT ON COLUMN cievents_admin.requests.reason IS 'What happened (deferred, dead).';
COMMENT ON COLUMN cievents_admin.requests.state_since IS 'Since when it is in this state.';

CREATE VIEW cievents_admin.queue_overview AS
WITH tenants AS (
  SELECT root_namespace_id, 'ready' AS state, ready_at AS since FROM cievents.ready_requests
  UNION ALL
  SELECT root_namespace_id, 'active', claimed_at FROM cievents.active_requests
  UNION ALL
  SELECT root_namespace_id, 'deferred', deferred_at FROM cievents.deferred_requests
  UNION ALL
  SELECT root_namespace_id, 'dead', died_at FROM cievents.dead_letters
)
SELECT
  root_namespace_id,
  count(*) FILTER (WHERE t.state = 'ready') AS ready,
  count(*) FILTER (WHERE t.state = 'active') AS active,
  count(*) FILTER (WHERE t.state = 'deferred') AS deferred,
  count(*) FILTER (WHERE t.state = 'dead') AS dead,
  min(t.since) FILTER (WHERE t.state = 'ready') AS oldest_ready_at,
  q.next_turn_at
FROM tenants t
LEFT JOIN cievents.tenant_queues q USING (root_namespace_id)
GROUP BY root_namespace_id, q.next_turn_at;
COMMENT ON VIEW cievents_admin.queue_overview IS 'The queue, one row a tenant that has anything in it.';
COMMENT ON COLUMN cievents_admin.queue_overview.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents_admin.queue_overview.ready IS 'Requests that wait to be taken.';
COMMENT ON COLUMN cievents_admin.queue_overview.active IS 'Requests that are leased.';
COMMENT ON COLUMN cievents_admin.queue_overview.deferred IS 'Requests that wait for a time or a decision.';
COMMENT ON COLUMN cievents_admin.queue_overview.dead IS 'Requests that were given up.';
COMMENT ON COLUMN cievents_admin.queue_overview.oldest_ready_at IS 'Since when the oldest ready request waits; null = none waits.';
COMMENT ON COLUMN cievents_admin.queue_overview.next_turn_at IS 'Not before this time is it the tenant''s turn; null = it has none.';

CREATE VIEW cievents_admin.subscriptions_effective AS
SELECT
  s.subscription_id, s.root_namespace_id, s.project_id, p.path AS project_path, s.path,
  s.inputs_digest, s.workflow_id,
  (SELECT json_agg(e.entry - 'inputs' ORDER BY e.place)
   FROM jsonb_array_elements(s.entries::jsonb) WITH ORDINALITY AS e (entry, place)) AS entries,
  s.owner_user_id, s.suspended, p.default_branch,
  p.commit_sha, s.created_at, s.updated_at
FROM cievents.subscriptions s
JOIN cievents.projects p USING (project_id)
WHERE s.ended_at IS NULL AND p.deleted_at IS NULL;
COMMENT ON VIEW cievents_admin.subscriptions_effective IS 'The live subscriptions: what matchers hold.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.subscription_id IS 'Stable id.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.project_path IS 'Full path of the project; may be empty.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.path IS 'The pipeline file.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.inputs_digest IS 'Digest of the include inputs.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.workflow_id IS 'SHA-256 of the canonical definition, hex.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.entries IS 'The entries, as read from the file, without the values of their inputs.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.owner_user_id IS 'User id of its owner; 0 = none.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.suspended IS 'True: matches make no requests.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.default_branch IS 'The branch that its pipelines run on.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.commit_sha IS 'Commit of the project''s last applied push, hex.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.created_at IS 'When its key first appeared.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.updated_at IS 'When it last changed.';

CREATE VIEW cievents_admin.config_pushes AS
SELECT
  c.push_id, c.root_namespace_id, c.project_id, p.path AS project_path, c.push_sequence,
  c.commit_sha, c.result, c.added, c.updated, c.removed, json_array_length(c.issues) AS issues,
  c.pushed_at
FROM cievents.config_pushes c
LEFT JOIN cievents.projects p USING (project_id);
COMMENT ON VIEW cievents_admin.config_pushes IS 'What happened to a push; the last 20 of each project.';
COMMENT ON COLUMN cievents_admin.config_pushes.push_id IS 'Order of arrival.';
COMMENT ON COLUMN cievents_admin.config_pushes.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents_admin.config_pushes.project_id IS 'The project.';
COMMENT ON COLUMN cievents_admin.config_pushes.project_path IS 'Full path of the project; null = not known.';
COMMENT ON COLUMN cievents_admin.config_pushes.push_sequence IS 'The push''s number.';
COMMENT ON COLUMN cievents_admin.config_pushes.commit_sha IS 'The pushed commit, hex.';
COMMENT ON COLUMN cievents_admin.config_pushes.result IS 'applied, applied_with_errors or stale. What only validates, changes nothing or is malformed leaves no row.';
COMMENT ON COLUMN cievents_admin.config_pushes.added IS 'Subscriptions that are new.';
COMMENT ON COLUMN cievents_admin.config_pushes.updated IS 'Subscriptions that changed.';
COMMENT ON COLUMN cievents_admin.config_pushes.removed IS 'Subscriptions that ended.';
COMMENT ON COLUMN cievents_admin.config_pushes.issues IS 'How many issues it had: see cievents_admin.config_issues.';
COMMENT ON COLUMN cievents_admin.config_pushes.pushed_at IS 'When the push was handled.';

CREATE VIEW cievents_admin.config_issues AS
SELECT
  c.push_id, c.root_namespace_id, c.project_id, c.commit_sha,
  i.value ->> 'severity' AS severity, i.value ->> 'code' AS code, i.value ->> 'file' AS file,
  (i.value ->> 'line')::integer AS line, (i.value ->> 'column')::integer AS "column",
  i.value ->> 'message' AS message, i.value ->> 'suggestion' AS suggestion, c.pushed_at
FROM cievents.config_pushes c
CROSS JOIN LATERAL json_array_elements(c.issues) AS i (value);
COMMENT ON VIEW cievents_admin.config_issues IS 'The issues of the last pushes, one row each.';
COMMENT ON COLUMN cievents_admin.config_issues.push_id IS 'The push.';
COMMENT ON COLUMN cievents_admin.config_issues.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents_admin.config_issues.project_id IS 'The project.';
COMMENT ON COLUMN cievents_admin.config_issues.commit_sha IS 'The pushed commit, hex.';
COMMENT ON COLUMN cievents_admin.config_issues.severity IS 'error, warning or info.';
COMMENT ON COLUMN cievents_admin.config_issues.code IS 'Stable code; the documentation lists them.';
COMMENT ON COLUMN cievents_admin.config_issues.file IS 'Path in the project.';
COMMENT ON COLUMN cievents_admin.config_issues.line IS '1-based; 0 = the whole file.';
COMMENT ON COLUMN cievents_admin.config_issues."column" IS '1-based, in bytes; 0 = unknown.';
COMMENT ON COLUMN cievents_admin.config_issues.message IS 'What is wrong.';
COMMENT ON COLUMN cievents_admin.config_issues.suggestion IS 'What to write instead; empty = none.';
COMMENT ON COLUMN cievents_admin.config_issues.pushed_at IS 'When the push was handled.';

CREATE VIEW cievents_admin.balance AS
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
  SELECT event_uid, subscription_id, 'created' FROM cievents.request_outcomes
  WHERE outcome = 'created'
)
SELECT
  event_uid, subscription_id,
  bool_or(state IS NULL) AS stored,
  coalesce(array_agg(state ORDER BY state) FILTER (WHERE state IS NOT NULL), '{}') AS states
FROM states
GROUP BY event_uid, subscription_id
HAVING count(state) <> 1 OR NOT bool_or(state IS NULL);
COMMENT ON VIEW cievents_admin.balance IS 'Requests that are not in exactly one state. Empty, unless something is wrong.';
COMMENT ON COLUMN cievents_admin.balance.event_uid IS 'The event.';
COMMENT ON COLUMN cievents_admin.balance.subscription_id IS 'The subscription.';
COMMENT ON COLUMN cievents_admin.balance.stored IS 'True: the request itself is there; false: only a state of it is.';
COMMENT ON COLUMN cievents_admin.balance.states IS 'The states it is in.';
