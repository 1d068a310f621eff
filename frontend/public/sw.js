// The service worker: reminders while no page is open, and a page that says so when there is no
// connection. It keeps files that never change and the page for that case; no answer of the
// backend, no page with anybody's data, and nothing about signing in is ever stored.

const CACHE = "shell-1";
const OFFLINE = "/offline.html";
const SHELL = [OFFLINE, "/offline.css", "/offline.js", "/icons/icon.svg"];
/** What the offline page may load: it comes from the cache, so it has no nonce of its own. */
const OFFLINE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** Most built files kept: those of a few releases. */
const KEPT = 300;
const MINUTE = 60_000;

self.addEventListener("install", (event) => {
  const store = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(SHELL.map((path) => new Request(path, { cache: "reload" })));
    await self.skipWaiting();
  };
  event.waitUntil(store());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(navigate(request));
  else if (url.pathname.startsWith("/_next/static/")) event.respondWith(built(request));
  else if (SHELL.includes(url.pathname)) event.respondWith(shell(request));
});

/** A page from the network, or the one that says there is none. */
async function navigate(request) {
  try {
    return await fetch(request);
  } catch {
    const page = await caches.match(OFFLINE);
    if (!page) return Response.error();
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": OFFLINE_POLICY,
      "cache-control": "no-store",
    };
    return new Response(await page.text(), { headers });
  }
}

/** A built file: its name changes with its content, so a kept one is right. */
async function built(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request);
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) {
    const copy = response.clone();
    void cache.put(request, copy).then(() => forgetOld(cache));
  }
  return response;
}

async function forgetOld(cache) {
  const files = (await cache.keys()).filter(({ url }) => url.includes("/_next/static/"));
  for (const oldest of files.slice(0, Math.max(0, files.length - KEPT))) await cache.delete(oldest);
}

async function shell(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(request)) ?? Response.error();
  }
}

self.addEventListener("push", (event) => {
  event.waitUntil(pushed(event.data));
});

/** A reminder from the push service. A page that somebody looks at shows it itself. */
async function pushed(message) {
  let reminder;
  try {
    reminder = message.json();
  } catch {
    return;
  }
  const about = eventOf(reminder.event_id);
  if (!about || typeof reminder.title !== "string") return;
  const pages = await self.clients.matchAll({ type: "window" });
  if (pages.some((page) => page.visibilityState === "visible")) return;
  const tag = `reminder/${about.user_id}/${about.sequence}/${reminder.task_id}`;
  await show(reminder.title, tag, { user_id: about.user_id, task_id: reminder.task_id });
}

/** Whose event it is, and its place in their journal: `User/{user}/{sequence}/{n}`. */
function eventOf(id) {
  const [, user_id, sequence] = /^User\/([\w-]{1,64})\/(\d+)\/\d+$/u.exec(id) ?? [];
  return user_id ? { user_id, sequence } : null;
}

/** As the page does it; see `lib/notifications/notify.ts`. */
function show(title, tag, data) {
  return self.registration.showNotification(title, {
    body: "Reminder",
    tag,
    data,
    icon: "/icons/icon-192.png",
    badge: "/icons/badge-96.png",
    requireInteraction: true,
    actions: [
      { action: "done", title: "Done" },
      { action: "snooze", title: "Snooze 10 min" },
    ],
  });
}

self.addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  notification.close();
  event.waitUntil(clicked(action, notification.data ?? {}));
});

async function clicked(action, { user_id, task_id }) {
  if (action === "done" || action === "snooze") {
    try {
      await (action === "done" ? complete : snooze)(user_id, task_id);
      return;
    } catch {
      // Signed out, somebody else by now, or no connection: the page says more.
    }
  }
  const pages = await self.clients.matchAll({ type: "window" });
  const [page] = pages;
  if (page) await page.focus();
  else await self.clients.openWindow("/");
}

async function complete(user_id, task_id) {
  await ask(user_id, "POST", `tasks/${task_id}/complete`);
}

/** As the page does it; see `lib/tasks/snooze.ts`. */
async function snooze(user_id, task_id) {
  const task = await ask(user_id, "GET", `tasks/${task_id}`);
  if (task.status === "done") return;
  await ask(user_id, "PATCH", `tasks/${task_id}`, snoozePatch(task, Date.now() + 10 * MINUTE));
}

function snoozePatch(task, until) {
  const due = task.due_at ? Date.parse(task.due_at) : null;
  if (!task.recurrence && due !== null && until < due) {
    return { reminder_offset_minutes: Math.floor((due - until) / MINUTE) };
  }
  const ahead = (task.reminder_offset_minutes ?? 0) * MINUTE;
  return { due_at: new Date(until + ahead).toISOString(), due_date: null };
}

/** Asks the backend, only as the person whose notification it is. */
async function ask(user_id, method, path, body) {
  const token = await tokenOf(user_id);
  const response = await fetch(`/api/${user_id}/${path}`, {
    method,
    cache: "no-store",
    headers: {
      authorization: `Bearer ${token}`,
      "idempotency-key": crypto.randomUUID(),
      ...(body && { "content-type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const text = await response.text();
  return text ? JSON.parse(text) : undefined;
}

async function tokenOf(user_id) {
  const response = await fetch("/auth/token", { cache: "no-store", credentials: "same-origin" });
  if (!response.ok) throw new Error("signed out");
  const { token } = await response.json();
  const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const { sub } = JSON.parse(atob(part));
  if (user_id !== undefined && sub !== user_id) throw new Error("somebody else is signed in");
  return token;
}

self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(renew(event));
});

/** The push service has ended a subscription: another takes its place, if somebody is signed in. */
async function renew({ oldSubscription, newSubscription }) {
  const token = await tokenOf();
  const { sub } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  const subscription =
    newSubscription ?? (await self.registration.pushManager.subscribe(oldSubscription.options));
  const { endpoint, keys } = subscription.toJSON();
  await ask(sub, "PUT", "push/subscriptions", { endpoint, keys });
  if (oldSubscription) {
    await ask(sub, "DELETE", "push/subscriptions", { endpoint: oldSubscription.endpoint });
  }
}
