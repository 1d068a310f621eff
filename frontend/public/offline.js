// What waits in this browser, and the way back once there is a connection.
const names = Object.keys(localStorage).filter((name) => name.startsWith("todo.waiting."));
if (names.length > 0) {
  const waiting = document.getElementById("waiting");
  const changes = names.length === 1 ? "1 change waits" : `${names.length} changes wait`;
  waiting.textContent = `${changes} in this browser and will be sent when you are back.`;
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
