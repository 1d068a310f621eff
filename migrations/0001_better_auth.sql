-- Better Auth's tables, under our names. They are what its own migration generator would make
-- (version 1.7.25, `generateId: "uuid"`, plugin jwt), so that it finds nothing to add.

CREATE TABLE users (
    id             uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name           text        NOT NULL,
    email          text        NOT NULL UNIQUE,
    email_verified boolean     NOT NULL,
    image          text,
    created_at     timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at     timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE sessions (
    id         uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    expires_at timestamptz NOT NULL,
    token      text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz NOT NULL,
    ip_address text,
    user_agent text,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);

CREATE TABLE accounts (
    id                       uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    account_id               text        NOT NULL,
    provider_id              text        NOT NULL,
    user_id                  uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    access_token             text,
    refresh_token            text,
    id_token                 text,
    access_token_expires_at  timestamptz,
    refresh_token_expires_at timestamptz,
    scope                    text,
    password                 text,
    created_at               timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at               timestamptz NOT NULL
);
CREATE INDEX accounts_user_id_idx ON accounts (user_id);

CREATE TABLE verifications (
    id         uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    identifier text        NOT NULL,
    value      text        NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX verifications_identifier_idx ON verifications (identifier);

CREATE TABLE jwks (
    id          uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    public_key  text        NOT NULL,
    private_key text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    alg         text,
    crv         text
);
