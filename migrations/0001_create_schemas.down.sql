-- Takes the record of migrations with it: a database at version 0 has nothing of CI Events.
SET LOCAL lock_timeout = '5s';

DROP FUNCTION cievents.uuid7_floor(timestamptz);
DROP TABLE cievents.schema_migrations;
DROP SCHEMA cievents_admin;
DROP SCHEMA cievents;
