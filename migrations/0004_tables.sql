-- What the projector keeps for search, history and reports. The journals are the truth:
-- `todo-backend rebuild` makes these tables anew.

CREATE TABLE profiles (
    user_id       text        PRIMARY KEY,
    time_zone     text        NOT NULL,
    time_zone_set boolean     NOT NULL,
    next_wake     timestamptz,
    updated_at    timestamptz
);
COMMENT ON COLUMN profiles.next_wake IS
    'When the user''s reminder is due: the reconciler looks for those that did not fire.';
CREATE INDEX profiles_next_wake_idx ON profiles (next_wake) WHERE next_wake IS NOT NULL;

CREATE TABLE tasks (
    user_id                 text        NOT NULL,
    id                      text        NOT NULL,
    title                   text        NOT NULL,
    notes                   text,
    status                  text        NOT NULL CHECK (status IN ('open', 'done')),
    priority                text        NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    tags                    text[]      NOT NULL,
    due_at                  timestamptz,
    due_date                date,
    reminder_offset_minutes integer,
    reminded_for            timestamptz,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    completed_at            timestamptz,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX tasks_due_at_idx ON tasks (user_id, due_at) WHERE status = 'open';
CREATE INDEX tasks_due_date_idx ON tasks (user_id, due_date) WHERE status = 'open';
CREATE INDEX tasks_completed_at_idx ON tasks (user_id, completed_at) WHERE status = 'done';

CREATE TABLE conversations (
    user_id       text        NOT NULL,
    id            text        NOT NULL,
    title         text        NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    message_count bigint      NOT NULL,
    PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN conversations.updated_at IS
    'When it was last started, renamed or added to, in the order of its journal.';
CREATE INDEX conversations_newest_idx ON conversations (user_id, updated_at DESC, id DESC);

CREATE TABLE messages (
    user_id         text        NOT NULL,
    conversation_id text        NOT NULL,
    index           bigint      NOT NULL,
    turn_id         text        NOT NULL,
    role            text        NOT NULL CHECK (role IN ('user', 'assistant')),
    text            text        NOT NULL,
    tool_calls      jsonb       NOT NULL,
    provider        text,
    interrupted     boolean     NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, conversation_id, index)
);
