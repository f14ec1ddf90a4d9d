-- What the projects' YAML says: projects, their files of interest, subscriptions, pushes.
SET LOCAL lock_timeout = '5s';

-- A project's row is the lock of its pushes and its entry in the change feed. It is never deleted: a
-- deleted project is a tombstone, so that the feed can say that its set is now empty.
CREATE TABLE cievents.projects (
  project_id bigint NOT NULL,
  namespace_ids bigint[] NOT NULL DEFAULT '{}',
  root_namespace_id bigint NOT NULL GENERATED ALWAYS AS (coalesce(namespace_ids[1], 0)) STORED,
  slot smallint NOT NULL DEFAULT 0,
  path text NOT NULL DEFAULT '',
  default_branch text NOT NULL DEFAULT '',
  ci_config_path text NOT NULL DEFAULT '',
  push_sequence bigint NOT NULL DEFAULT 0,
  commit_sha text NOT NULL DEFAULT '',
  run_as_user_id bigint NOT NULL DEFAULT 0,
  allowed_scopes text[] NOT NULL DEFAULT '{}',
  deleted_at timestamptz,
  changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT projects_pkey PRIMARY KEY (project_id),
  CONSTRAINT projects_slot_in_range CHECK (slot BETWEEN 0 AND 1023),
  CONSTRAINT projects_namespaces_max CHECK (cardinality(namespace_ids) <= 100)
);
CREATE INDEX projects_changed_xid_idx ON cievents.projects (changed_xid);
COMMENT ON TABLE cievents.projects IS 'A project that CI Events knows: the lock of its pushes and its entry in the change feed.';
COMMENT ON COLUMN cievents.projects.project_id IS 'GitLab''s id of the project.';
COMMENT ON COLUMN cievents.projects.namespace_ids IS 'Ids of its ancestors, root first; the last is the parent group.';
COMMENT ON COLUMN cievents.projects.root_namespace_id IS 'Id of the root namespace: the tenant, and the sharding key.';
COMMENT ON COLUMN cievents.projects.slot IS 'Slot of the root namespace, 0 to 1023; computed by the program, fixed for ever.';
COMMENT ON COLUMN cievents.projects.path IS 'Full path, for people; may be empty.';
COMMENT ON COLUMN cievents.projects.default_branch IS 'The branch whose files subscribe, and on which event pipelines run.';
COMMENT ON COLUMN cievents.projects.ci_config_path IS 'Path of the project''s CI file.';
COMMENT ON COLUMN cievents.projects.push_sequence IS 'Number of the last applied push, counted up by the producer for each project; 0 = none yet.';
COMMENT ON COLUMN cievents.projects.commit_sha IS 'Commit of the last applied push, hex.';
COMMENT ON COLUMN cievents.projects.run_as_user_id IS 'User id named by the last applied push; 0 = none.';
COMMENT ON COLUMN cievents.projects.allowed_scopes IS 'Permissions that the last push gave: scopes beyond the project''s own events.';
COMMENT ON COLUMN cievents.projects.deleted_at IS 'When the project was deleted; null = it exists.';
COMMENT ON COLUMN cievents.projects.changed_xid IS 'Transaction that last changed the set: what the change feed reads. Written by cievents.mark_project_changed only.';
COMMENT ON COLUMN cievents.projects.changed_at IS 'When the set was last changed; for people and for lag metrics, never for the feed.';

CREATE FUNCTION cievents.mark_project_changed(p_project_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  UPDATE cievents.projects
  SET changed_xid = pg_current_xact_id(), changed_at = clock_timestamp()
  WHERE project_id = p_project_id
$$;
COMMENT ON FUNCTION cievents.mark_project_changed(bigint) IS 'Makes every matcher read the project''s set again once this transaction is committed.';

CREATE TABLE cievents.config_files (
  project_id bigint NOT NULL,
  path text NOT NULL,
  role text NOT NULL,
  blob_id text NOT NULL,
  parsed text NOT NULL,
  good_blob_id text NOT NULL,
  good_parsed text NOT NULL,
  CONSTRAINT config_files_pkey PRIMARY KEY (project_id, path),
  CONSTRAINT config_files_project_fkey FOREIGN KEY (project_id) REFERENCES cievents.projects
);
COMMENT ON TABLE cievents.config_files IS 'A YAML file that decided something in the last applied push of its project.';
COMMENT ON COLUMN cievents.config_files.project_id IS 'The project.';
COMMENT ON COLUMN cievents.config_files.path IS 'Path in the project.';
COMMENT ON COLUMN cievents.config_files.role IS 'What the file is: ci_file, event_list or header_only.';
COMMENT ON COLUMN cievents.config_files.blob_id IS 'Git blob id at the last applied commit, hex; empty = an include names it and it is not there.';
COMMENT ON COLUMN cievents.config_files.parsed IS 'JSON text of what was read from that blob, as the program wrote it; empty = nothing.';
COMMENT ON COLUMN cievents.config_files.good_blob_id IS 'Git blob id of the last version without errors, hex; empty = none.';
COMMENT ON COLUMN cievents.config_files.good_parsed IS 'JSON text of what was read from the good blob; empty = nothing.';

-- `json`, not `jsonb`: the text is canonical and its digits and key order mean something.
CREATE TABLE cievents.subscriptions (
  subscription_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  project_id bigint NOT NULL,
  root_namespace_id bigint NOT NULL,
  path text NOT NULL,
  inputs_digest text NOT NULL,
  workflow_id text NOT NULL,
  entries json NOT NULL,
  inputs json NOT NULL,
  owner_user_id bigint NOT NULL,
  suspended boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CONSTRAINT subscriptions_pkey PRIMARY KEY (subscription_id),
  CONSTRAINT subscriptions_key UNIQUE (project_id, path, inputs_digest),
  CONSTRAINT subscriptions_project_fkey FOREIGN KEY (project_id) REFERENCES cievents.projects
);
COMMENT ON TABLE cievents.subscriptions IS 'One pipeline definition of one project. Its id is stable: rows are updated or ended, never deleted.';
COMMENT ON COLUMN cievents.subscriptions.subscription_id IS 'Stable id; with the event uid the key of a pipeline request.';
COMMENT ON COLUMN cievents.subscriptions.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.subscriptions.root_namespace_id IS 'Root namespace of the project: the tenant.';
COMMENT ON COLUMN cievents.subscriptions.path IS 'The pipeline file.';
COMMENT ON COLUMN cievents.subscriptions.inputs_digest IS 'Digest of the include inputs; `displaced:ID` on an ended row whose key went to another id.';
COMMENT ON COLUMN cievents.subscriptions.workflow_id IS 'SHA-256 of the canonical definition, hex.';
COMMENT ON COLUMN cievents.subscriptions.entries IS 'Patterns, conditions, inputs and options: canonical JSON, kept bit by bit.';
COMMENT ON COLUMN cievents.subscriptions.inputs IS 'Inputs that the include gives: canonical JSON, kept bit by bit.';
COMMENT ON COLUMN cievents.subscriptions.owner_user_id IS 'User id of the last pusher who changed workflow id or inputs; 0 = none.';
COMMENT ON COLUMN cievents.subscriptions.suspended IS 'True: matches are counted and make no requests.';
COMMENT ON COLUMN cievents.subscriptions.created_at IS 'When the key first appeared; kept when it returns.';
COMMENT ON COLUMN cievents.subscriptions.updated_at IS 'When the row last changed.';
COMMENT ON COLUMN cievents.subscriptions.ended_at IS 'When the key was removed; null = live. The row stays, and the id returns with the key.';

CREATE TABLE cievents.config_pushes (
  push_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  project_id bigint NOT NULL,
  root_namespace_id bigint NOT NULL,
  push_sequence bigint NOT NULL,
  commit_sha text NOT NULL,
  result text NOT NULL,
  added integer NOT NULL,
  updated integer NOT NULL,
  removed integer NOT NULL,
  issues json NOT NULL,
  pushed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT config_pushes_pkey PRIMARY KEY (push_id)
);
CREATE INDEX config_pushes_project_idx ON cievents.config_pushes (project_id, push_id);
COMMENT ON TABLE cievents.config_pushes IS 'What happened to a push; the last 20 of each project.';
COMMENT ON COLUMN cievents.config_pushes.push_id IS 'Order of arrival.';
COMMENT ON COLUMN cievents.config_pushes.project_id IS 'The project; it may be unknown, if the push was not applied.';
COMMENT ON COLUMN cievents.config_pushes.root_namespace_id IS 'Root namespace of the project: the tenant.';
COMMENT ON COLUMN cievents.config_pushes.push_sequence IS 'The push''s number, counted up by the producer for each project.';
COMMENT ON COLUMN cievents.config_pushes.commit_sha IS 'The pushed commit, hex.';
COMMENT ON COLUMN cievents.config_pushes.result IS 'applied, applied_with_errors or stale. What only validates, changes nothing or is malformed leaves no row.';
COMMENT ON COLUMN cievents.config_pushes.added IS 'Subscriptions that are new.';
COMMENT ON COLUMN cievents.config_pushes.updated IS 'Subscriptions that changed.';
COMMENT ON COLUMN cievents.config_pushes.removed IS 'Subscriptions that ended.';
COMMENT ON COLUMN cievents.config_pushes.issues IS 'JSON array of {severity, code, file, line, column, message, suggestion}; lines and columns 1-based, columns in bytes.';
COMMENT ON COLUMN cievents.config_pushes.pushed_at IS 'When the push was handled.';
