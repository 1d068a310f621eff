import { ChatPanel } from "@/components/chat/chat-panel";
import { Workspace } from "@/components/shell/workspace";
import { TaskPanel } from "@/components/tasks/task-panel";

export default function HomePage() {
  return (
    <>
      <h1 className="sr-only">Chat and tasks</h1>
      <Workspace chat={<ChatPanel />} tasks={<TaskPanel />} />
    </>
  );
}
