-- The CI file's own rules, as far as the event alone decides them: the matcher filters by them
-- before a request exists. Stored apart from the entries, because they hold for all of them.
SET LOCAL lock_timeout = '5s';

ALTER TABLE cievents.subscriptions ADD COLUMN hoisted_rules json NOT NULL DEFAULT '{}';
COMMENT ON COLUMN cievents.subscriptions.hoisted_rules IS 'Rules of the CI file that filter before a request exists (`workflow`, `jobs`): canonical JSON, kept bit by bit; {} = none.';
