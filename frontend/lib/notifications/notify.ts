/** Notifications of the browser, all of them the service worker's so that their buttons work. */

import type { ReminderUpdate } from "@/lib/live/feed";

/** What a notification carries; the service worker's copy of this is in `public/sw.js`. */
export interface NotificationData {
  user_id: string;
  task_id: string;
}

/** As the service worker shows those that come by push; `actions` are its to answer. */
export const REMINDER_LOOK = {
  body: "Reminder",
  icon: "/icons/icon-192.png",
  badge: "/icons/badge-96.png",
  requireInteraction: true,
  actions: [
    { action: "done", title: "Done" },
    { action: "snooze", title: "Snooze 10 min" },
  ],
};

/** One tag per reminder: the page and the push service may both bring it, and it shows once. */
export function reminderTag(userId: string, taskId: string, sequence: number): string {
  return `reminder/${userId}/${sequence}/${taskId}`;
}

/** Whether this browser may show notifications; null where it cannot. */
export function permission(): NotificationPermission | null {
  return typeof Notification === "undefined" || !("serviceWorker" in navigator)
    ? null
    : Notification.permission;
}

/** Shows a reminder as a notification while nobody looks at the page. */
export async function notifyHidden(userId: string, reminder: ReminderUpdate): Promise<void> {
  if (permission() !== "granted" || document.visibilityState === "visible") return;
  // Without it the page still has its card for whoever comes back.
  await showReminder(userId, reminder).catch(() => {});
}

/**
 * Shows a reminder as a notification.
 *
 * @throws {Error} the browser does not show it
 */
export async function showReminder(userId: string, reminder: ReminderUpdate): Promise<void> {
  const registration = await navigator.serviceWorker.ready;
  const data: NotificationData = { user_id: userId, task_id: reminder.task_id };
  const tag = reminderTag(userId, reminder.task_id, reminder.sequence);
  await registration.showNotification(reminder.title, { ...REMINDER_LOOK, tag, data });
}

/** Takes away the notifications of a task that somebody has dealt with on the page. */
export async function closeNotifications(taskId: string): Promise<void> {
  if (permission() !== "granted") return;
  const registration = await navigator.serviceWorker.getRegistration();
  const shown = (await registration?.getNotifications()) ?? [];
  for (const notification of shown) {
    if ((notification.data as NotificationData | null)?.task_id === taskId) notification.close();
  }
}
