-- Drops the queue with all that waits in it.
SET LOCAL lock_timeout = '5s';

DROP TABLE cievents.tenant_queues;
DROP TABLE cievents.dead_letters;
DROP TABLE cievents.request_outcomes;
DROP TABLE cievents.active_requests;
DROP TABLE cievents.deferred_requests;
DROP TABLE cievents.ready_requests;
DROP TABLE cievents.pipeline_requests;
DROP TABLE cievents.events;
