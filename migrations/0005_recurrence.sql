-- How tasks repeat, and which task is the next occurrence of which.

ALTER TABLE tasks
    ADD COLUMN recurrence_rule text,
    ADD COLUMN recurrence_zone text,
    ADD COLUMN follows         text,
    ADD COLUMN followed_by     text;
COMMENT ON COLUMN tasks.recurrence_rule IS 'RRULE of the series the task is an occurrence of.';
COMMENT ON COLUMN tasks.recurrence_zone IS 'IANA name of the zone whose clock the series follows.';
