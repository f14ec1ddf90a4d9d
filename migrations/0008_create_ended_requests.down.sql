-- What ended with failed_input has no state in the version before: it is removed, requests and
-- outcomes alike, so that the balance holds.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE VIEW cievents_admin.requests AS
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
COMMENT ON COLUMN cievents_admin.requests.state IS 'ready, active, deferred, created or dead; null = none, which cievents_admin.balance lists.';
COMMENT ON COLUMN cievents_admin.requests.reason IS 'What happened (deferred, dead).';

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

DROP FUNCTION cievents.enqueue_batch;

DELETE FROM cievents.pipeline_requests r
USING cievents.request_outcomes o
WHERE o.outcome = 'failed_input'
  AND r.event_uid = o.event_uid AND r.subscription_id = o.subscription_id;
DELETE FROM cievents.request_outcomes WHERE outcome = 'failed_input';

ALTER TABLE cievents.request_outcomes DROP CONSTRAINT request_outcomes_outcome;
ALTER TABLE cievents.request_outcomes ADD CONSTRAINT request_outcomes_outcome
  CHECK (outcome IN ('created', 'retry', 'dead', 'lease_expired'));
COMMENT ON TABLE cievents.request_outcomes IS 'An attempt and what came of it; append-only. Daily partitions, made by the program.';
COMMENT ON COLUMN cievents.request_outcomes.attempt IS 'Number of the attempt, 1-based.';
COMMENT ON COLUMN cievents.request_outcomes.owner IS 'Who held the lease.';
COMMENT ON COLUMN cievents.request_outcomes.outcome IS 'created, retry, dead or lease_expired.';
