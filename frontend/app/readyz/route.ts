import { getAuth } from "@/lib/server/auth";

/** For probes: people can sign in, so the sidecar gave our secrets and PostgreSQL answers. */
export async function GET(): Promise<Response> {
  try {
    const { adapter } = await (await getAuth()).$context;
    await adapter.count({ model: "jwks" });
    return new Response("ok\n");
  } catch {
    return new Response("not ready\n", { status: 503 });
  }
}

export const dynamic = "force-dynamic";
