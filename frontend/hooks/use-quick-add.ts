"use client";

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { NewTask } from "@/lib/api/types";
import { offerDraft, offeredDraft, onDraft } from "@/lib/tasks/drafts";
import { type DueFields, dueFrom, fieldsOf, NO_DUE, onDay } from "@/lib/tasks/due";
import { parseQuickAdd } from "@/lib/tasks/quick-add";
import type { Clock, View } from "@/lib/tasks/views";

/** What is typed into the quick-add box, and the task it stands for. */
export function useQuickAdd(view: View, clock: Clock) {
  const [text, setText] = useState("");
  // The words that the person does not want read as a date.
  const [plain, setPlain] = useState<string | null>(null);
  const [picked, setPicked] = useState<DueFields | null>(null);
  // What a refused task had besides its title.
  const [rest, setRest] = useState<Partial<NewTask>>({});

  const draft = useSyncExternalStore(onDraft, offeredDraft, () => null);
  useEffect(() => {
    if (draft?.id !== null || text !== "") return;
    const { title, due_at, due_date, ...others } = draft.fields;
    setText(title);
    setPlain(title);
    setRest(others);
    setPicked(fieldsOf({ due_at, due_date }, clock.zone));
    offerDraft(null);
  }, [draft, text, clock.zone]);

  const read = useMemo(() => {
    const first = parseQuickAdd(text, clock);
    const refused = plain !== null && first.dueWords !== null && plain.endsWith(first.dueWords);
    return refused ? parseQuickAdd(text, clock, { asDue: false }) : first;
  }, [text, clock, plain]);

  // What is picked stands; else what was typed; else a task added to today's list is for today.
  const due = useMemo(() => {
    if (picked) return dueFrom(picked, clock.zone);
    if (read.dueWords) return read.due;
    return view === "today" && text.trim() ? onDay(clock.today) : NO_DUE;
  }, [picked, read, view, text, clock]);

  const task: NewTask = {
    ...rest,
    title: read.title,
    tags: [...new Set([...(rest.tags ?? []), ...read.tags])],
    priority: read.priority === "normal" ? (rest.priority ?? "normal") : read.priority,
    ...due,
  };
  return {
    text,
    setText,
    task,
    due,
    /** The words the due moment comes from, if from words. */
    dueWords: picked ? null : read.dueWords,
    pick: setPicked,
    /** Leaves the words in the title. */
    keepWords: () => setPlain(text.trim()),
    clear: () => {
      setText("");
      setPlain(null);
      setPicked(null);
      setRest({});
    },
  };
}
