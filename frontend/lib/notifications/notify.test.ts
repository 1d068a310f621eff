import { afterEach, describe, expect, test, vi } from "vitest";
import { closeNotifications, notifyHidden, REMINDER_LOOK } from "./notify";

const REMINDER = { task_id: "task-3", title: "milk", sequence: 17 };

afterEach(() => vi.unstubAllGlobals());

/** A browser in which somebody has allowed notifications, or not, and looks at the page, or not. */
function browser({
  permission = "granted" as NotificationPermission,
  visibilityState = "hidden" as DocumentVisibilityState,
  shown = [] as object[],
} = {}) {
  const showNotification = vi.fn(async () => {});
  const registration = { showNotification, getNotifications: async () => shown };
  vi.stubGlobal("Notification", { permission });
  vi.stubGlobal("document", { visibilityState });
  vi.stubGlobal("navigator", {
    serviceWorker: {
      ready: Promise.resolve(registration),
      getRegistration: async () => registration,
    },
  });
  return showNotification;
}

describe("a reminder", () => {
  test("shows as a notification while nobody looks at the page, under its own tag", async () => {
    const show = browser();
    await notifyHidden("ann", REMINDER);
    const tag = "reminder/ann/17/task-3";
    const data = { user_id: "ann", task_id: "task-3" };
    expect(show.mock.calls).toEqual([["milk", { ...REMINDER_LOOK, tag, data }]]);
  });

  test.each([
    ["while somebody looks at the page", { visibilityState: "visible" as const }],
    ["without permission", { permission: "denied" as const }],
    ["before the person was asked", { permission: "default" as const }],
  ])("shows none %s", async (_, given) => {
    const show = browser(given);
    await notifyHidden("ann", REMINDER);
    expect(show).not.toHaveBeenCalled();
  });

  test("shows none where the browser has none", async () => {
    const show = browser();
    vi.stubGlobal("Notification", undefined);
    await notifyHidden("ann", REMINDER);
    expect(show).not.toHaveBeenCalled();
  });

  test("that the browser refuses to show breaks nothing", async () => {
    browser().mockRejectedValue(new TypeError("No permission"));
    await expect(notifyHidden("ann", REMINDER)).resolves.toBeUndefined();
  });
});

test("a task that was dealt with takes its own notifications away, and no other's", async () => {
  const notification = (data: unknown) => ({ data, close: vi.fn() });
  const own = notification({ user_id: "ann", task_id: "task-3" });
  const others = [notification({ user_id: "ann", task_id: "task-4" }), notification(null)];
  browser({ shown: [own, ...others] });
  await closeNotifications("task-3");
  expect(own.close).toHaveBeenCalledOnce();
  for (const { close } of others) expect(close).not.toHaveBeenCalled();
});
