import { handOn } from "@/lib/server/backend";

/** Without an ingress that parts them, requests for the backend come by here. */
function handle(request: Request): Promise<Response> {
  return handOn(request);
}

export { handle as DELETE, handle as GET, handle as PATCH, handle as POST, handle as PUT };
