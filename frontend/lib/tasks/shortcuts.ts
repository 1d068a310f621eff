/** The keys of the task list, for whoever lists them. They work while a task has the focus. */
export const TASK_SHORTCUTS: readonly { keys: readonly string[]; label: string }[] = [
  { keys: ["n"], label: "New task" },
  { keys: ["j", "k"], label: "Next or previous task" },
  { keys: ["x"], label: "Complete, or open again" },
  { keys: ["e"], label: "Edit" },
  { keys: ["t"], label: "Move to today" },
  { keys: ["m"], label: "Move to tomorrow" },
  { keys: ["w"], label: "Move to next week" },
  { keys: ["←", "→"], label: "A day earlier or later" },
  { keys: ["Del"], label: "Delete" },
];
