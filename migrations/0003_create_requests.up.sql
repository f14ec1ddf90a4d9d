-- Events that matched, their pipeline requests, and one table a state of a request.
--
-- A request is a row of pipeline_requests, written once and never updated; where it stands is the
-- table that holds its key (ready, deferred, active, dead) or an outcome `created`. States as tables
-- keep the hot ones small and let old data leave by dropping partitions.
SET LOCAL lock_timeout = '5s';

CREATE TABLE cievents.events (
  event_uid uuid NOT NULL,
  identity_kind smallint NOT NULL,
  identity_id bigint NOT NULL,
  source text NOT NULL,
  event_id text NOT NULL,
  names text[] NOT NULL,
  project_id bigint,
  root_namespace_id bigint NOT NULL,
  event_time timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
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
  CONSTRAINT events_pkey PRIMARY KEY (event_uid),
  CONSTRAINT events_names_count CHECK (cardinality(names) BETWEEN 1 AND 8),
  CONSTRAINT events_data_digest_is_sha256 CHECK (octet_length(data_digest) = 32)
) PARTITION BY RANGE (event_uid);
COMMENT ON TABLE cievents.events IS 'An event that matched a subscription, once, with its payload. Hourly partitions on the uid, made by the program.';
COMMENT ON COLUMN cievents.events.event_uid IS 'UUIDv7 of the event''s time (ms); the other bits are a hash of its identity.';
COMMENT ON COLUMN cievents.events.identity_kind IS 'What identity_id is the id of: 0 instance, 1 group, 2 project.';
COMMENT ON COLUMN cievents.events.identity_id IS 'Id of the project or group whose authorised caller sent the event; 0 = instance.';
COMMENT ON COLUMN cievents.events.source IS 'The emitter''s name of itself; with event_id unique for each identity.';
COMMENT ON COLUMN cievents.events.event_id IS 'The emitter''s id of the event.';
COMMENT ON COLUMN cievents.events.names IS 'Hierarchical names, in the catalogue''s order; 1 to 8.';
COMMENT ON COLUMN cievents.events.project_id IS 'Project in which it happened; null = none.';
COMMENT ON COLUMN cievents.events.root_namespace_id IS 'Root namespace in which it happened; 0 = instance event.';
COMMENT ON COLUMN cievents.events.event_time IS 'When it happened, by the emitter''s clock; ms.';
COMMENT ON COLUMN cievents.events.received_at IS 'When it was received, by the server''s clock; ms.';
COMMENT ON COLUMN cievents.events.confidential IS 'True: only entries that ask for confidential events match.';
COMMENT ON COLUMN cievents.events.actor_user_id IS 'User id of who did it; null = unknown.';
COMMENT ON COLUMN cievents.events.actor_username IS 'User name of who did it; null = unknown.';
COMMENT ON COLUMN cievents.events.actor_access_level IS 'GitLab access level of the actor, 0 to 60; null = the format does not carry it.';
COMMENT ON COLUMN cievents.events.actor_bot IS 'True: the actor is a bot.';
COMMENT ON COLUMN cievents.events.cause_request_id IS 'Pipeline request that caused the event; null = unknown.';
COMMENT ON COLUMN cievents.events.cause_pipeline_id IS 'Pipeline that caused the event; null = unknown.';
COMMENT ON COLUMN cievents.events.subject IS 'What it happened to; may be empty.';
COMMENT ON COLUMN cievents.events.data_schema IS 'URI of the payload''s schema; may be empty.';
COMMENT ON COLUMN cievents.events.data IS 'The payload, bytes as they came.';
COMMENT ON COLUMN cievents.events.data_digest IS 'SHA-256 of the payload, 32 bytes: the same identity with another payload is refused.';
COMMENT ON COLUMN cievents.events.traceparent IS 'W3C trace context; may be empty.';
COMMENT ON COLUMN cievents.events.correlation_id IS 'Correlation id for logs; may be empty.';

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
  enqueued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT pipeline_requests_pkey PRIMARY KEY (event_uid, subscription_id)
) PARTITION BY RANGE (event_uid);
COMMENT ON TABLE cievents.pipeline_requests IS 'One pipeline to create for one event and one subscription; never updated. Hourly partitions on the uid, made by the program.';
COMMENT ON COLUMN cievents.pipeline_requests.event_uid IS 'The event; with subscription_id the key that makes delivery exact.';
COMMENT ON COLUMN cievents.pipeline_requests.subscription_id IS 'The subscription.';
COMMENT ON COLUMN cievents.pipeline_requests.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.pipeline_requests.root_namespace_id IS 'Root namespace of the subscribing project: the tenant that takes turns.';
COMMENT ON COLUMN cievents.pipeline_requests.path IS 'The pipeline file.';
COMMENT ON COLUMN cievents.pipeline_requests.ref IS 'The branch to run on.';
COMMENT ON COLUMN cievents.pipeline_requests.commit_sha IS 'Commit whose subscription decided, hex.';
COMMENT ON COLUMN cievents.pipeline_requests.workflow_id IS 'Workflow id that decided, hex.';
COMMENT ON COLUMN cievents.pipeline_requests.event_name IS 'The event''s name that matched.';
COMMENT ON COLUMN cievents.pipeline_requests.entry IS 'The deciding entry''s index in the subscription, 0-based.';
COMMENT ON COLUMN cievents.pipeline_requests.inputs IS 'Resolved inputs, a JSON object, kept bit by bit.';
COMMENT ON COLUMN cievents.pipeline_requests.run_as_user_id IS 'User id that the pipeline runs as.';
COMMENT ON COLUMN cievents.pipeline_requests.enqueued_at IS 'When it was written.';

CREATE TABLE cievents.ready_requests (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  event_uid uuid NOT NULL,
  subscription_id bigint NOT NULL,
  project_id bigint NOT NULL,
  root_namespace_id bigint NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  ready_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT ready_requests_pkey PRIMARY KEY (event_uid, subscription_id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX ready_requests_turn_idx ON cievents.ready_requests (root_namespace_id, id);
COMMENT ON TABLE cievents.ready_requests IS 'A request that waits to be taken.';
COMMENT ON COLUMN cievents.ready_requests.id IS 'Order within the tenant; does not become visible in order.';
COMMENT ON COLUMN cievents.ready_requests.event_uid IS 'The request''s event.';
COMMENT ON COLUMN cievents.ready_requests.subscription_id IS 'The request''s subscription.';
COMMENT ON COLUMN cievents.ready_requests.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.ready_requests.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents.ready_requests.attempt IS 'Attempts made so far.';
COMMENT ON COLUMN cievents.ready_requests.ready_at IS 'Since when it waits.';

CREATE TABLE cievents.deferred_requests (
  event_uid uuid NOT NULL,
  subscription_id bigint NOT NULL,
  project_id bigint NOT NULL,
  root_namespace_id bigint NOT NULL,
  attempt integer NOT NULL,
  kind text NOT NULL,
  reason text NOT NULL,
  due_at timestamptz NOT NULL,
  deferred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT deferred_requests_pkey PRIMARY KEY (event_uid, subscription_id),
  CONSTRAINT deferred_requests_kind CHECK (kind IN ('retry', 'ambiguous', 'parked', 'debounced'))
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX deferred_requests_due_at_idx ON cievents.deferred_requests (due_at);
COMMENT ON TABLE cievents.deferred_requests IS 'A request that waits for a time or a decision.';
COMMENT ON COLUMN cievents.deferred_requests.event_uid IS 'The request''s event.';
COMMENT ON COLUMN cievents.deferred_requests.subscription_id IS 'The request''s subscription.';
COMMENT ON COLUMN cievents.deferred_requests.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.deferred_requests.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents.deferred_requests.attempt IS 'Attempts made so far.';
COMMENT ON COLUMN cievents.deferred_requests.kind IS 'Why it waits: retry, ambiguous, parked or debounced.';
COMMENT ON COLUMN cievents.deferred_requests.reason IS 'What happened, for people.';
COMMENT ON COLUMN cievents.deferred_requests.due_at IS 'When it becomes ready again; infinity = a person decides.';
COMMENT ON COLUMN cievents.deferred_requests.deferred_at IS 'Since when it waits.';

CREATE TABLE cievents.active_requests (
  event_uid uuid NOT NULL,
  subscription_id bigint NOT NULL,
  project_id bigint NOT NULL,
  root_namespace_id bigint NOT NULL,
  owner text NOT NULL,
  attempt integer NOT NULL,
  lease_until timestamptz NOT NULL,
  calling_since timestamptz,
  claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT active_requests_pkey PRIMARY KEY (event_uid, subscription_id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX active_requests_lease_until_idx ON cievents.active_requests (lease_until);
CREATE INDEX active_requests_owner_idx ON cievents.active_requests (owner);
COMMENT ON TABLE cievents.active_requests IS 'A request that is leased; every completion is fenced by (request, attempt, owner).';
COMMENT ON COLUMN cievents.active_requests.event_uid IS 'The request''s event.';
COMMENT ON COLUMN cievents.active_requests.subscription_id IS 'The request''s subscription.';
COMMENT ON COLUMN cievents.active_requests.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.active_requests.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents.active_requests.owner IS 'Who holds the lease.';
COMMENT ON COLUMN cievents.active_requests.attempt IS 'Number of this attempt, 1-based.';
COMMENT ON COLUMN cievents.active_requests.lease_until IS 'End of the lease, by the database''s clock.';
COMMENT ON COLUMN cievents.active_requests.calling_since IS 'When the call that creates the pipeline began; null = not begun.';
COMMENT ON COLUMN cievents.active_requests.claimed_at IS 'When the lease began.';

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
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT request_outcomes_outcome CHECK (outcome IN ('created', 'retry', 'dead', 'lease_expired'))
) PARTITION BY RANGE (ended_at);
CREATE INDEX request_outcomes_request_idx ON cievents.request_outcomes (event_uid, subscription_id);
COMMENT ON TABLE cievents.request_outcomes IS 'An attempt and what came of it; append-only. Daily partitions, made by the program.';
COMMENT ON COLUMN cievents.request_outcomes.event_uid IS 'The request''s event.';
COMMENT ON COLUMN cievents.request_outcomes.subscription_id IS 'The request''s subscription.';
COMMENT ON COLUMN cievents.request_outcomes.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.request_outcomes.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents.request_outcomes.attempt IS 'Number of the attempt, 1-based.';
COMMENT ON COLUMN cievents.request_outcomes.owner IS 'Who held the lease.';
COMMENT ON COLUMN cievents.request_outcomes.outcome IS 'created, retry, dead or lease_expired.';
COMMENT ON COLUMN cievents.request_outcomes.pipeline_id IS 'The created pipeline; null = none.';
COMMENT ON COLUMN cievents.request_outcomes.reason IS 'What happened, for people; may be empty.';
COMMENT ON COLUMN cievents.request_outcomes.ended_at IS 'When the attempt ended.';

CREATE TABLE cievents.dead_letters (
  event_uid uuid NOT NULL,
  subscription_id bigint NOT NULL,
  project_id bigint NOT NULL,
  root_namespace_id bigint NOT NULL,
  attempt integer NOT NULL,
  reason text NOT NULL,
  died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dead_letters_pkey PRIMARY KEY (event_uid, subscription_id)
);
COMMENT ON TABLE cievents.dead_letters IS 'A request that was given up; kept, listed, and can be made ready again by a person.';
COMMENT ON COLUMN cievents.dead_letters.event_uid IS 'The request''s event.';
COMMENT ON COLUMN cievents.dead_letters.subscription_id IS 'The request''s subscription.';
COMMENT ON COLUMN cievents.dead_letters.project_id IS 'The subscribing project.';
COMMENT ON COLUMN cievents.dead_letters.root_namespace_id IS 'The tenant.';
COMMENT ON COLUMN cievents.dead_letters.attempt IS 'Attempts made.';
COMMENT ON COLUMN cievents.dead_letters.reason IS 'Why it was given up, for people.';
COMMENT ON COLUMN cievents.dead_letters.died_at IS 'When it was given up.';

-- One row a tenant that has ready requests. A low fillfactor keeps its many updates on one page.
CREATE TABLE cievents.tenant_queues (
  root_namespace_id bigint NOT NULL,
  next_turn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  low_water_id bigint NOT NULL DEFAULT 0,
  full_scan_at timestamptz NOT NULL DEFAULT '-infinity',
  CONSTRAINT tenant_queues_pkey PRIMARY KEY (root_namespace_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE INDEX tenant_queues_next_turn_idx ON cievents.tenant_queues (next_turn_at);
COMMENT ON TABLE cievents.tenant_queues IS 'A tenant with ready requests, and when its turn comes: fairness and pacing.';
COMMENT ON COLUMN cievents.tenant_queues.root_namespace_id IS 'The tenant: a root namespace; 0 = none known.';
COMMENT ON COLUMN cievents.tenant_queues.next_turn_at IS 'Not before this time is it the tenant''s turn; the earliest goes first.';
COMMENT ON COLUMN cievents.tenant_queues.low_water_id IS 'Hint: ready requests below this id were probably taken; it only saves reading dead rows.';
COMMENT ON COLUMN cievents.tenant_queues.full_scan_at IS 'When the hint is ignored next, because ids do not become visible in order.';
