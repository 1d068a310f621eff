-- What happened to whom, kept by the auditor: written once, never changed, and removed only when
-- a person's data is erased.

CREATE TABLE audit_log (
    event_id    text        PRIMARY KEY,
    user_id     text        NOT NULL,
    type        text        NOT NULL,
    actor       text        NOT NULL,
    sequence    bigint      NOT NULL CHECK (sequence >= 1),
    at          timestamptz NOT NULL,
    subject     text,
    data        jsonb       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audit_log IS
    'Append-only: a trigger refuses updates and deletes; erase_audit(user_id) is the way out.';
COMMENT ON COLUMN audit_log.actor IS 'Such as User/alice or Conversation/alice~c1.';
COMMENT ON COLUMN audit_log.sequence IS 'The entry of that actor''s journal.';
COMMENT ON COLUMN audit_log.data IS 'What the person may see; what was said stands in messages only.';
CREATE INDEX audit_log_newest_idx ON audit_log (user_id, at DESC, event_id DESC);

CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'DELETE' AND old.user_id = current_setting('todo.erasing_audit_of', true) THEN
        RETURN old;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'To erase a person''s data call erase_audit(user_id).';
END $$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_append_only();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only();

CREATE FUNCTION erase_audit(erased text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM set_config('todo.erasing_audit_of', erased, true);
    DELETE FROM audit_log WHERE user_id = erased;
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('todo.erasing_audit_of', '', true);
    RETURN removed;
END $$;
COMMENT ON FUNCTION erase_audit IS 'Removes all rows of one user; answers how many.';
