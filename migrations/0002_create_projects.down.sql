SET LOCAL lock_timeout = '5s';

DROP TABLE cievents.config_pushes;
DROP TABLE cievents.subscriptions;
DROP TABLE cievents.config_files;
DROP FUNCTION cievents.mark_project_changed(bigint);
DROP TABLE cievents.projects;
