/** Names of what the page keeps from the backend; whoever changes something invalidates by them. */
export const keys = {
  tasks: ["tasks"] as const,
  conversations: ["conversations"] as const,
  profile: ["profile"] as const,
};
