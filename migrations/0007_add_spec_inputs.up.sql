-- What a pipeline file declares about its inputs, beside the subscription: the matcher checks values
-- and fills in defaults when it matches.
SET LOCAL lock_timeout = '5s';

ALTER TABLE cievents.subscriptions ADD COLUMN spec_inputs json NOT NULL DEFAULT '{}';
COMMENT ON COLUMN cievents.subscriptions.spec_inputs IS 'Inputs that the pipeline file declares (`spec: inputs`): canonical JSON, kept bit by bit.';

-- Subscriptions that are there get it from what was read of their file. Without this an input's
-- default would not count until the project's next push. The text is searched first, so that only
-- files that declare something are read as JSON.
UPDATE cievents.subscriptions s
SET spec_inputs = f.good_parsed::json -> 'spec_inputs'
FROM cievents.config_files f
WHERE f.project_id = s.project_id AND f.path = s.path AND s.ended_at IS NULL
  AND f.good_parsed LIKE '%"spec_inputs":{"%';
