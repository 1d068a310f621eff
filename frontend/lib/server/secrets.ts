import "server-only";

/** What must not stand in the environment. */
export interface Secrets {
  /** PostgreSQL, as a URL. */
  databaseUrl: string;
  /** Signs cookies, and encrypts the private half of the keys that sign tokens. */
  betterAuthSecret: string;
}

/** The secret that holds ours, in the store that the backend uses too. */
const NAME = "app-secrets";
/** How long a sidecar may take to come up, in milliseconds. */
const PATIENCE = 60_000;
const WAIT = 250;

let reading: Promise<Secrets> | undefined;

/**
 * The secrets, read once: from Dapr's secrets API, or without a sidecar from the environment.
 *
 * @throws the sidecar did not answer in time, or the secret lacks one
 */
export function getSecrets(): Promise<Secrets> {
  reading ??= read().catch((error) => {
    reading = undefined;
    throw error;
  });
  return reading;
}

async function read(): Promise<Secrets> {
  const port = process.env.DAPR_HTTP_PORT;
  if (!port) return parse(process.env, "The environment");
  const store = process.env.SECRET_STORE ?? "kubernetes-secrets";
  const url = `http://127.0.0.1:${port}/v1.0/secrets/${store}/${NAME}`;
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const failure = await attempt(url);
    if (typeof failure !== "string") return parse(failure, `The secret ${NAME}`);
    if (Date.now() > deadline) {
      throw new Error(`The secret ${NAME} could not be read from ${store} within 60 s: ${failure}`);
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT));
  }
}

/** The secret's values, or why there are none. */
async function attempt(url: string): Promise<Record<string, string> | string> {
  const headers = { "dapr-api-token": process.env.DAPR_API_TOKEN ?? "" };
  try {
    const response = await fetch(url, { headers, cache: "no-store" });
    if (response.ok) return (await response.json()) as Record<string, string>;
    return `status ${response.status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function parse(values: Record<string, string | undefined>, where: string): Secrets {
  const take = (name: string) => {
    const value = values[name]?.trim();
    if (!value) throw new Error(`${where} has no ${name}.`);
    return value;
  };
  return { databaseUrl: take("DATABASE_URL"), betterAuthSecret: take("BETTER_AUTH_SECRET") };
}
