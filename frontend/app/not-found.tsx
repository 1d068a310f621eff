import type { Metadata } from "next";
import Link from "next/link";
import { Mark } from "@/components/shell/brand";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 p-6 text-center">
      <Mark className="size-10" />
      <h1 className="font-semibold text-xl">There is no such page</h1>
      <p className="max-w-sm text-balance text-muted">
        The address may be mistyped, or the page has gone.
      </p>
      <Link
        href="/"
        className="inline-flex h-10 items-center rounded-md bg-accent px-4 font-medium text-on-accent text-sm hover:bg-accent-strong"
      >
        Go to your tasks
      </Link>
    </main>
  );
}
