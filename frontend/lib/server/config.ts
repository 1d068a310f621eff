import "server-only";

/** Settings from the environment; none of them is secret. */
export interface Config {
  /** Where people reach the page, such as `https://todo.example.com`. */
  publicUrl: string;
  /** Other origins from which people may sign in. */
  trustedOrigins: string[];
  /** The `iss` and `aud` of tokens; the backend must expect the same. */
  issuer: string;
  audience: string;
  /** Sign-ins and sign-ups that one address may try in a minute. */
  signInsPerMinute: number;
  /** Seconds a token is good for. */
  tokenSeconds: number;
}

/** @throws a variable has a value that makes no sense */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const publicUrl = url(env, "PUBLIC_URL", `http://127.0.0.1:${env.PORT ?? "3000"}`);
  const list = env.TRUSTED_ORIGINS?.split(",") ?? [];
  return {
    publicUrl,
    trustedOrigins: list.map((origin) => origin.trim()).filter(Boolean),
    issuer: env.JWT_ISSUER ?? publicUrl,
    audience: env.JWT_AUDIENCE ?? "todo-backend",
    signInsPerMinute: count(env, "SIGN_INS_PER_MINUTE", 20),
    tokenSeconds: count(env, "TOKEN_SECONDS", 15 * 60),
  };
}

function url(env: NodeJS.ProcessEnv, name: string, otherwise: string): string {
  const value = env[name]?.trim() || otherwise;
  if (!URL.canParse(value)) {
    throw new Error(`${name} is wrong: it must be a URL, such as https://todo.example.com`);
  }
  return value.replace(/\/+$/, "");
}

function count(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const value = Number(env[name]?.trim() || otherwise);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${name} is wrong: it must be a whole number from 1 on`);
  }
  return value;
}
