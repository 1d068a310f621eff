"use client";

import type { KeyboardEvent } from "react";
import type { RowActions } from "@/components/tasks/task-row";
import { addDays, nextMonday } from "@/lib/tasks/days";
import { dueDay } from "@/lib/tasks/due";
import { neighbour, type Row } from "@/lib/tasks/rows";
import type { Clock } from "@/lib/tasks/views";

interface Props {
  rows: readonly Row[];
  index: number;
  goTo: (index: number | null) => void;
  actions: RowActions;
  clock: Clock;
}

/** The keys of the list. They work on the row that has the focus, and not while somebody types. */
export function useListKeys({ rows, index, goTo, actions, clock }: Props) {
  return (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const typing = target.matches("textarea, select, input:not([type=checkbox])");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // A menu is drawn elsewhere, but its events come by here.
    if (!event.currentTarget.contains(target)) return;
    const row = rows[index];
    if (row?.kind !== "task" || !target.closest("[data-task]")) return;
    const onBox = target.matches("input");
    if (press(event.key, row, onBox)) event.preventDefault();
  };

  /** Does what a key stands for; answers whether it stands for anything. */
  function press(key: string, { task }: Row & { kind: "task" }, onBox: boolean): boolean {
    const { today, zone } = clock;
    const move = (day: string) => {
      if (task.status === "open") actions.move(task, day);
    };
    switch (key) {
      case "j":
      case "ArrowDown":
        goTo(neighbour(rows, index, 1));
        return true;
      case "k":
      case "ArrowUp":
        goTo(neighbour(rows, index, -1));
        return true;
      case "Home":
        goTo(neighbour(rows, -1, 1));
        return true;
      case "End":
        goTo(neighbour(rows, rows.length, -1));
        return true;
      case "x":
        actions.toggle(task);
        return true;
      case "Enter":
        // On a button it presses that.
        if (onBox) actions.edit(task);
        return onBox;
      case "e":
        actions.edit(task);
        return true;
      case "Delete":
        actions.remove(task);
        return true;
      case "t":
        move(today);
        return true;
      case "m":
        move(addDays(today, 1));
        return true;
      case "w":
        move(nextMonday(today));
        return true;
      case "ArrowLeft":
        move(addDays(dueDay(task, zone) ?? today, -1));
        return true;
      case "ArrowRight":
        move(addDays(dueDay(task, zone) ?? today, 1));
        return true;
      case "n":
        document.getElementById("quick-add")?.focus();
        return true;
      default:
        return false;
    }
  }
}
