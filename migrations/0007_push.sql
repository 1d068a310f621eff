-- Where people's browsers take notifications, and what is still to be sent there.

CREATE TABLE push_subscriptions (
    endpoint   text        PRIMARY KEY,
    user_id    text        NOT NULL,
    p256dh     text        NOT NULL,
    auth       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE push_subscriptions IS
    'One row per browser, as it subscribed; an endpoint belongs to whoever signed in there last.';
CREATE INDEX push_subscriptions_user_idx ON push_subscriptions (user_id, created_at);

CREATE TABLE push_outbox (
    event_id   text        NOT NULL,
    endpoint   text        NOT NULL REFERENCES push_subscriptions ON DELETE CASCADE,
    payload    text        NOT NULL,
    expires_at timestamptz NOT NULL,
    next_try   timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries      integer     NOT NULL DEFAULT 0,
    done_at    timestamptz,
    PRIMARY KEY (event_id, endpoint)
);
COMMENT ON COLUMN push_outbox.done_at IS
    'Kept as long as Kafka may deliver the event again, so that it is not sent again.';
CREATE INDEX push_outbox_next_try_idx ON push_outbox (next_try) WHERE done_at IS NULL;
CREATE INDEX push_outbox_done_idx ON push_outbox (done_at) WHERE done_at IS NOT NULL;
