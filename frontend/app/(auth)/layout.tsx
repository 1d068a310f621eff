import { redirect } from "next/navigation";
import type { ReactNode } from "react";
import { Mark } from "@/components/shell/brand";
import { readSession } from "@/lib/server/session";

export default async function SignedOutLayout({ children }: { children: ReactNode }) {
  if (await readSession()) redirect("/");
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-4 py-10">
      <div className="flex flex-col items-center gap-3 pb-8 text-center">
        <Mark className="size-12" />
        <p className="text-muted">Tell it what you have to do. It keeps the list.</p>
      </div>
      <div className="w-full max-w-sm rounded-lg border border-line bg-surface px-6 py-8 shadow-raised sm:px-8">
        {children}
      </div>
    </main>
  );
}
