/** The backend's shapes, as its OpenAPI document names them. Instants are RFC 3339, in UTC. */

export type Priority = "low" | "normal" | "high";
export type Status = "open" | "done";

export interface Recurrence {
  /** An RRULE. */
  rule: string;
  /** The same in words, such as `every 2 weeks on Monday`. */
  words: string;
  /** The first occurrence on the clock of `zone`: a day, or a day and a time without offset. */
  start: string;
  zone: string;
  /** The occurrence that the task is, written as `start`. */
  occurrence: string;
}

export interface Task {
  task_id: string;
  title: string;
  status: Status;
  priority: Priority;
  notes?: string | null;
  tags?: string[];
  /** The instant it is due; never together with `due_date`. */
  due_at?: string | null;
  /** The day it is due, wherever the person is. */
  due_date?: string | null;
  reminder_offset_minutes?: number | null;
  reminded_for?: string | null;
  recurrence?: Recurrence | null;
  follows?: string | null;
  followed_by?: string | null;
  created_at: string;
  updated_at: string;
  completed_at?: string | null;
}

export interface NewTask {
  title: string;
  notes?: string | null;
  priority?: Priority | null;
  tags?: string[] | null;
  due_at?: string | null;
  due_date?: string | null;
  reminder_offset_minutes?: number | null;
  /** An RRULE. */
  recurrence?: string | null;
}

/** A merge patch: what is left out stays, null clears. */
export type TaskPatch = Partial<NewTask>;

export interface TaskPage {
  tasks: Task[];
  total: number;
  next_cursor?: string | null;
}

export interface Undone {
  undone: "added" | "updated" | "completed" | "reopened" | "deleted";
  /** The task as it is now, or as it was if undoing removed it. */
  task: Task;
}

export interface Conversation {
  conversation_id: string;
  title: string;
  created_at: string;
  updated_at: string;
  message_count: number;
}

export interface ConversationPage {
  items: Conversation[];
  next_cursor?: string | null;
}

export type ToolResult =
  | { ok: Record<string, unknown> }
  | { refused: { code: string; message: string } };

export interface ToolCall {
  tool: string;
  arguments: Record<string, unknown>;
  result: ToolResult;
}

export interface Message {
  /** Its place in the conversation, from 0. */
  index: number;
  turn_id: string;
  role: "user" | "assistant";
  text: string;
  tool_calls?: ToolCall[];
  provider?: string | null;
  /** The turn was abandoned: what it did is not known. */
  interrupted: boolean;
  /** The person stopped the turn. */
  stopped: boolean;
  created_at: string;
}

/** The newest page first, oldest message first within it. */
export interface MessagePage {
  messages: Message[];
  total: number;
  next_cursor?: string | null;
}

export interface ChatRequest {
  message: string;
  conversation_id?: string;
  time_zone?: string;
}

export interface ChatReply {
  conversation_id: string;
  turn_id: string;
  response: string;
  tool_calls: ToolCall[];
  provider: string;
  stopped: boolean;
}

export interface Profile {
  /** IANA name; `UTC` until set. */
  time_zone: string;
  time_zone_set: boolean;
  updated_at?: string | null;
}

export interface Activity {
  id: string;
  type: string;
  at: string;
  sequence: number;
  subject?: string | null;
  data: Record<string, unknown>;
}

export interface ActivityPage {
  items: Activity[];
  next_cursor?: string | null;
}

/** RFC 9457, with a code of the backend's. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
}
