/** Names of what the page keeps from the backend; whoever changes something invalidates by them. */
export const keys = {
  tasks: ["tasks"] as const,
  taskList: (filter: Record<string, string | undefined>) => ["tasks", "list", filter] as const,
  task: (id: string) => ["tasks", "one", id] as const,
  conversations: ["conversations"] as const,
  messages: (conversationId: string) => ["messages", conversationId] as const,
  profile: ["profile"] as const,
  pushKey: ["push-key"] as const,
  activity: ["activity"] as const,
};
