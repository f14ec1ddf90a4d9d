-- The life cycle of projects: moved, archived, CI disabled, deleted, back again. Calls and pushes are
-- numbered by one counter of the project and may arrive in any order, so every fact has a mark of
-- its own: the highest number that said something of it. Where a push said it, push_sequence is the
-- mark, so rows that are there need no change.
SET LOCAL lock_timeout = '5s';

ALTER TABLE cievents.projects
  ADD COLUMN location_sequence bigint NOT NULL DEFAULT 0,
  ADD COLUMN availability_sequence bigint NOT NULL DEFAULT 0,
  ADD COLUMN existence_sequence bigint NOT NULL DEFAULT 0,
  ADD COLUMN archived boolean NOT NULL DEFAULT false,
  ADD COLUMN ci_disabled boolean NOT NULL DEFAULT false,
  ADD COLUMN permission_namespace_ids bigint[];
COMMENT ON COLUMN cievents.projects.location_sequence IS 'Number of the call that last said where the project is (namespace_ids, path); counts if it is over push_sequence. 0 = none yet.';
COMMENT ON COLUMN cievents.projects.availability_sequence IS 'Number of the call that last said archived and ci_disabled; 0 = none yet.';
COMMENT ON COLUMN cievents.projects.existence_sequence IS 'Number of the call that last said that the project exists, or is deleted; counts if it is over push_sequence. 0 = none yet.';
COMMENT ON COLUMN cievents.projects.archived IS 'True: the project is archived. Matches of its subscriptions are counted and make no requests.';
COMMENT ON COLUMN cievents.projects.ci_disabled IS 'True: the project''s CI is disabled. Matches of its subscriptions are counted and make no requests.';
COMMENT ON COLUMN cievents.projects.permission_namespace_ids IS 'Ancestors for which the last applied push gave its permissions, root first; null = those of now. Not null: the project has moved since, and entries with a scope beyond its own events are suspended.';
COMMENT ON COLUMN cievents.projects.deleted_at IS 'When the project was deleted; null = it exists. Its subscriptions are not live meanwhile, and are again with the same ids when it returns.';

COMMENT ON COLUMN cievents.config_files.path IS 'Path in the project; of a prefix, with `*` behind it.';
COMMENT ON COLUMN cievents.config_files.role IS 'What the file is: ci_file, event_list, header_only, included; or prefix: every YAML file whose path begins so is of interest.';

CREATE OR REPLACE VIEW cievents_admin.subscriptions_effective AS
SELECT
  s.subscription_id, s.root_namespace_id, s.project_id, p.path AS project_path, s.path,
  s.inputs_digest, s.workflow_id,
  (SELECT json_agg(e.entry - 'inputs' ORDER BY e.place)
   FROM jsonb_array_elements(s.entries::jsonb) WITH ORDINALITY AS e (entry, place)) AS entries,
  s.owner_user_id, s.suspended OR p.archived OR p.ci_disabled AS suspended, p.default_branch,
  p.commit_sha, s.created_at, s.updated_at,
  p.permission_namespace_ids IS NOT NULL AS scopes_suspended
FROM cievents.subscriptions s
JOIN cievents.projects p USING (project_id)
WHERE s.ended_at IS NULL AND p.deleted_at IS NULL;
COMMENT ON COLUMN cievents_admin.subscriptions_effective.suspended IS 'True: matches make no requests; the project is archived, or its CI is disabled.';
COMMENT ON COLUMN cievents_admin.subscriptions_effective.scopes_suspended IS 'True: the project has moved since its last push; entries with a scope beyond its own events do not match.';

COMMENT ON COLUMN cievents.config_pushes.push_sequence IS 'The number of the push or call, counted up by the producer for each project.';
COMMENT ON COLUMN cievents.config_pushes.commit_sha IS 'The pushed commit, hex; empty = not a push.';
COMMENT ON COLUMN cievents.config_pushes.result IS 'applied, applied_with_errors or stale; of calls that changed something: upserted, moved, archived, ci_disabled, reactivated, deleted, restored. What only validates, changes nothing or is malformed leaves no row.';
COMMENT ON COLUMN cievents_admin.config_pushes.push_sequence IS 'The number of the push or call.';
COMMENT ON COLUMN cievents_admin.config_pushes.commit_sha IS 'The pushed commit, hex; empty = not a push.';
COMMENT ON COLUMN cievents_admin.config_pushes.result IS 'applied, applied_with_errors or stale; of calls that changed something: upserted, moved, archived, ci_disabled, reactivated, deleted, restored. What only validates, changes nothing or is malformed leaves no row.';
