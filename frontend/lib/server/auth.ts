import "server-only";

import { betterAuth } from "better-auth";
import { jwt } from "better-auth/plugins";
import { Pool } from "pg";
import { type Config, readConfig } from "./config";
import { getSecrets, type Secrets } from "./secrets";

/** Connections to PostgreSQL; sign-ins and token renewals are short and rare. */
const CONNECTIONS = 5;
const DAY = 24 * 3600;

export type Auth = ReturnType<typeof build>;

let building: Promise<Auth> | undefined;

/** Better Auth, built once when first needed: its secrets come from the sidecar. */
export function getAuth(): Promise<Auth> {
  building ??= getSecrets()
    .then((secrets) => build(readConfig(), secrets))
    .catch((error) => {
      building = undefined;
      throw error;
    });
  return building;
}

/** Tables and columns are those of `migrations/0001_better_auth.sql`. */
export function build(config: Config, secrets: Secrets) {
  const pool = new Pool({ connectionString: secrets.databaseUrl, max: CONNECTIONS });
  // A connection that breaks while idle is replaced; without a listener it would end the process.
  pool.on("error", () => console.warn("a connection to PostgreSQL was lost"));
  const limit = { window: 60, max: config.signInsPerMinute };
  return betterAuth({
    appName: "Todo",
    baseURL: config.publicUrl,
    basePath: "/auth",
    secret: secrets.betterAuthSecret,
    trustedOrigins: config.trustedOrigins,
    database: pool,
    telemetry: { enabled: false },
    // Below this level it names the email addresses that people type.
    logger: { level: "error" },
    emailAndPassword: { enabled: true, minPasswordLength: 8, maxPasswordLength: 128 },
    advanced: {
      database: { generateId: "uuid" },
      useSecureCookies: config.publicUrl.startsWith("https://"),
      cookiePrefix: "todo",
    },
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      customRules: {
        "/sign-in/email": limit,
        "/sign-up/email": limit,
        // Counted by address, and from 0 again only after a minute without any: an office behind
        // one address would lock itself out. They give nothing without a session.
        "/token": false,
        "/get-session": false,
      },
    },
    user: {
      modelName: "users",
      fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
    },
    session: {
      modelName: "sessions",
      expiresIn: 30 * DAY,
      updateAge: DAY,
      fields: {
        expiresAt: "expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
        ipAddress: "ip_address",
        userAgent: "user_agent",
        userId: "user_id",
      },
    },
    account: {
      modelName: "accounts",
      fields: {
        accountId: "account_id",
        providerId: "provider_id",
        userId: "user_id",
        accessToken: "access_token",
        refreshToken: "refresh_token",
        idToken: "id_token",
        accessTokenExpiresAt: "access_token_expires_at",
        refreshTokenExpiresAt: "refresh_token_expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
    },
    verification: {
      modelName: "verifications",
      fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
    },
    plugins: [
      jwt({
        jwks: { keyPairConfig: { alg: "EdDSA", crv: "Ed25519" } },
        jwt: {
          issuer: config.issuer,
          audience: config.audience,
          expirationTime: `${config.tokenSeconds}s`,
          // Who it is, and nothing else about them: `sub` is added by itself.
          definePayload: () => ({}),
        },
        schema: {
          jwks: {
            modelName: "jwks",
            fields: {
              publicKey: "public_key",
              privateKey: "private_key",
              createdAt: "created_at",
              expiresAt: "expires_at",
            },
          },
        },
      }),
    ],
  });
}
