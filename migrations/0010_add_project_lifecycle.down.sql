-- Projects that are archived, or whose CI is disabled, make requests again after this.
SET LOCAL lock_timeout = '5s';

COMMENT ON COLUMN cievents_admin.config_pushes.result IS 'applied, applied_with_errors or stale. What only validates, changes nothing or is malformed leaves no row.';
COMMENT ON COLUMN cievents_admin.config_pushes.commit_sha IS 'The pushed commit, hex.';
COMMENT ON COLUMN cievents_admin.config_pushes.push_sequence IS 'The push''s number.';
COMMENT ON COLUMN cievents.config_pushes.result IS 'applied, applied_with_errors or stale. What only validates, changes nothing or is malformed leaves no row.';
COMMENT ON COLUMN cievents.config_pushes.commit_sha IS 'The pushed commit, hex.';
COMMENT ON COLUMN cievents.config_pushes.push_sequence IS 'The push''s number, counted up by the producer for each project.';

DROP VIEW cievents_admin.subscriptions_effective;
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

COMMENT ON COLUMN cievents.config_files.role IS 'What the file is: ci_file, event_list or header_only.';
COMMENT ON COLUMN cievents.config_files.path IS 'Path in the project.';
COMMENT ON COLUMN cievents.projects.deleted_at IS 'When the project was deleted; null = it exists.';

ALTER TABLE cievents.projects
  DROP COLUMN permission_namespace_ids,
  DROP COLUMN ci_disabled,
  DROP COLUMN archived,
  DROP COLUMN existence_sequence,
  DROP COLUMN availability_sequence,
  DROP COLUMN location_sequence;
