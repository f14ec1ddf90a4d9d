-- Events known by their keys lose them: a retry of one is an event of its own after this.
SET LOCAL lock_timeout = '5s';

DROP FUNCTION cievents.enqueue_batch(
  uuid[], smallint[], bigint[], text[], text[], text[], bigint[], bigint[], timestamptz[],
  timestamptz[], boolean[], bigint[], text[], integer[], boolean[], text[], bigint[], text[],
  text[], bytea[], bytea[], text[], text[], text[], text[], boolean[], uuid[], bigint[],
  bigint[], bigint[], text[], text[], text[], text[], text[], integer[], json[], bigint[],
  text[], text[], integer[]);
DROP FUNCTION cievents.forget_event_keys(timestamptz, integer);
DROP FUNCTION cievents.claim_event_keys(
  boolean[], uuid[], smallint[], bigint[], text[], text[], bigint[],
  timestamptz[]);
COMMENT ON COLUMN cievents.events.event_uid IS 'UUIDv7 of the event''s time (ms); the other bits are a hash of its identity.';
ALTER TABLE cievents.events
  DROP COLUMN extensions,
  DROP COLUMN type;
DROP TABLE cievents.event_keys;
