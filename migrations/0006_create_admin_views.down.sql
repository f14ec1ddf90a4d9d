SET LOCAL lock_timeout = '5s';

DROP VIEW cievents_admin.balance;
DROP VIEW cievents_admin.config_issues;
DROP VIEW cievents_admin.config_pushes;
DROP VIEW cievents_admin.subscriptions_effective;
DROP VIEW cievents_admin.queue_overview;
DROP VIEW cievents_admin.requests;
