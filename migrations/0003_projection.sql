-- How far the projector has come.

CREATE TABLE projection_progress (
    actor      text        PRIMARY KEY,
    seq        bigint      NOT NULL CHECK (seq >= 0),
    part       integer     NOT NULL CHECK (part >= 0),
    parts      integer     NOT NULL CHECK (parts > part),
    applied_at timestamptz NOT NULL
);
COMMENT ON TABLE projection_progress IS
    'The last event of its home topic that was applied for each actor; moves in the transaction of its effect. Sequence 0: none yet.';
COMMENT ON COLUMN projection_progress.part IS 'Place of that event among its entry''s events on the home topic.';
COMMENT ON COLUMN projection_progress.parts IS 'How many those are.';

CREATE TABLE projection_position (
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    event_at   timestamptz NOT NULL,
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE projection_position IS
    'Newest event taken in from each partition: tells a projector that lags from an event that was lost.';
