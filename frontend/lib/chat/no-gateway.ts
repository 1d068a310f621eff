/**
 * Stands in for `@ai-sdk/gateway` in the browser's bundle (see `next.config.ts`): `ai` imports it
 * for models that are called directly. Ours are called by the backend, so nothing of it ever runs.
 */

function unused(): never {
  throw new Error("the page calls no model");
}

export const createGateway = unused;
export const gateway = unused;
export class GatewayError extends Error {}
export class GatewayAuthenticationError extends GatewayError {}
