-- Matchers of this version do not run on the schema below it.
SET LOCAL lock_timeout = '5s';

ALTER TABLE cievents.subscriptions DROP COLUMN on_every_shard;
DROP VIEW cievents_admin.shards;
DROP FUNCTION cievents.report_shard;
DROP TABLE cievents.shards;
DROP TABLE cievents.topology;
