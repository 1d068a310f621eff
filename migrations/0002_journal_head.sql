-- The last sequence written to each actor's journal. A trigger on Dapr's state table, which the
-- backend installs at start because Dapr creates that table, moves it by one or refuses.

CREATE TABLE journal_head (
    actor    text        PRIMARY KEY,
    seq      bigint      NOT NULL CHECK (seq >= 0),
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE journal_head IS
    'Last sequence of each actor''s journal; two activations can never both move it.';
COMMENT ON COLUMN journal_head.actor IS 'Such as User/alice or Conversation/alice~c1.';
COMMENT ON COLUMN journal_head.moved_at IS
    'When the sequence last moved: gaps in the projection younger than a moment are left alone.';
