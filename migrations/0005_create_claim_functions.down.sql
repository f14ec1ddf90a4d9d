SET LOCAL lock_timeout = '5s';

DROP FUNCTION cievents.complete_request;
DROP FUNCTION cievents.release_request(uuid, bigint, integer, text);
DROP FUNCTION cievents.extend_leases(text, bigint);
DROP FUNCTION cievents.claim_requests(text, integer, bigint, timestamptz);
DROP FUNCTION cievents.sweep_turns();
DROP FUNCTION cievents.return_due_requests(integer);
