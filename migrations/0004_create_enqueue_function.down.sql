SET LOCAL lock_timeout = '5s';

DROP FUNCTION cievents.enqueue_requests;
DROP FUNCTION cievents.give_turns(bigint[]);
