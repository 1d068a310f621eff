-- The table in which Dapr's state component keeps its own schema's version. Sidecars that come up
-- together on an empty database would all create it, and PostgreSQL lets only one: the others end.

CREATE TABLE IF NOT EXISTS dapr_metadata (
    key   text NOT NULL PRIMARY KEY,
    value text NOT NULL
);
