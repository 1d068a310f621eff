// What waits in this browser, and the way back once there is a connection.
const names = Object.keys(localStorage);
const kinds = [
  [names.filter((name) => name.startsWith("todo.waiting.")).length, "change", "changes"],
  [names.filter((name) => /^chat\/[^/]+\/send\//.test(name)).length, "message", "messages"],
].filter(([count]) => count > 0);
if (kinds.length > 0) {
  const waiting = document.getElementById("waiting");
  const counted = kinds.map(([count, one, more]) => `${count} ${count === 1 ? one : more}`);
  const total = kinds.reduce((sum, [count]) => sum + count, 0);
  const wait = total === 1 ? "waits" : "wait";
  waiting.textContent = `${counted.join(" and ")} ${wait} in this browser and will be sent when you are back.`;
  waiting.hidden = false;
}
document.getElementById("again").addEventListener("click", () => location.reload());
addEventListener("online", () => location.reload());
// The browser is not always told; the worker answers from the network as soon as it can.
setInterval(async () => {
  try {
    await fetch("/icons/icon.svg", { method: "HEAD", cache: "no-store" });
    location.reload();
  } catch {
    // Still offline.
  }
}, 10_000);
