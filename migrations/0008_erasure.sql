-- How people are erased, and how it is known afterwards which events are from before.

ALTER TABLE journal_head ADD COLUMN tombstone bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN journal_head.tombstone IS
    'The last entry that erased all before it; 0 if none did. Events up to it count for nothing.';
CREATE INDEX journal_head_prefix_idx ON journal_head (actor text_pattern_ops);

CREATE TABLE erasures (
    user_id     text        PRIMARY KEY,
    begun_at    timestamptz NOT NULL,
    finished_at timestamptz,
    removed     jsonb,
    CHECK ((finished_at IS NULL) = (removed IS NULL))
);
COMMENT ON TABLE erasures IS
    'People who asked to be erased, each once, for the last time they did.';
COMMENT ON COLUMN erasures.finished_at IS 'Null while something may be left: then it is gone on with.';
COMMENT ON COLUMN erasures.removed IS 'How much of what was removed.';
CREATE INDEX erasures_unfinished_idx ON erasures (begun_at) WHERE finished_at IS NULL;

-- What a person who came back has done since stays.
CREATE OR REPLACE FUNCTION erase_audit(erased text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM set_config('todo.erasing_audit_of', erased, true);
    DELETE FROM audit_log a USING journal_head h
    WHERE a.user_id = erased AND h.actor = a.actor AND a.sequence <= h.tombstone;
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('todo.erasing_audit_of', '', true);
    RETURN removed;
END $$;
COMMENT ON FUNCTION erase_audit IS
    'Removes the rows of one user up to the tombstones of their actors; answers how many.';
