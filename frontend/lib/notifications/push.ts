/** Whether reminders come to this browser while no page is open: Web Push. */

import { ApiError, api } from "@/lib/api/client";

/** The backend has no key for push services: nobody can be notified that way. */
export class NoPushError extends Error {}

/** The subscription of this browser; null without one, or where there is no Web Push. */
export async function currentSubscription(): Promise<PushSubscription | null> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return null;
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/**
 * Subscribes this browser, or renews what it has.
 *
 * @throws {NoPushError} push is not set up
 * @throws {ApiError} the backend refuses the subscription, or cannot be reached
 * @throws {DOMException} the person or the browser says no
 */
export async function subscribe(userId: string): Promise<void> {
  const registration = await navigator.serviceWorker.ready;
  const applicationServerKey = bytesOf(await serverKey(userId));
  const known = await registration.pushManager.getSubscription();
  // One that was made with another key is of no use.
  if (known && !sameBytes(known.options.applicationServerKey, applicationServerKey)) {
    await known.unsubscribe();
  }
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey,
  });
  const { endpoint, keys } = subscription.toJSON();
  await api("PUT", `/api/${userId}/push/subscriptions`, { body: { endpoint, keys } });
}

/** Ends the subscription of this browser, here and at the backend. */
export async function unsubscribe(userId: string): Promise<void> {
  const subscription = await currentSubscription();
  if (!subscription) return;
  const { endpoint } = subscription;
  // Nothing arrives from here on, whether or not the backend hears of it.
  await subscription.unsubscribe();
  await api("DELETE", `/api/${userId}/push/subscriptions`, { body: { endpoint } });
}

async function serverKey(userId: string): Promise<string> {
  try {
    const { public_key } = await api<{ public_key: string }>("GET", `/api/${userId}/push/key`);
    return public_key;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) throw new NoPushError(error.detail);
    throw error;
  }
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function sameBytes(one: ArrayBuffer | null, other: Uint8Array): boolean {
  if (one?.byteLength !== other.byteLength) return false;
  const bytes = new Uint8Array(one);
  return other.every((byte, n) => byte === bytes[n]);
}
