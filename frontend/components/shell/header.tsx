import Link from "next/link";
import { Mark } from "./brand";
import { Connection } from "./connection";
import { UserMenu } from "./user-menu";

/** The top of every page for people who are signed in. */
export function Header() {
  return (
    <header className="flex h-14 shrink-0 items-center gap-3 border-line border-b bg-surface px-4">
      <Link href="/" className="flex items-center gap-2.5 rounded-sm font-semibold">
        <Mark className="size-7" />
        Todo
      </Link>
      <div className="flex-1" />
      <Connection />
      <UserMenu />
    </header>
  );
}
