SET LOCAL lock_timeout = '5s';

ALTER TABLE cievents.subscriptions DROP COLUMN hoisted_rules;
