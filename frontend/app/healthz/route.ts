/** For probes: the server answers. */
export function GET(): Response {
  return new Response("ok\n");
}

export const dynamic = "force-dynamic";
