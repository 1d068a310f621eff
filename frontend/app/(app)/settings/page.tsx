import { ArrowLeft } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { DataSection } from "@/components/settings/data-section";
import { NotificationsSection } from "@/components/settings/notifications-section";
import { ThemeSection } from "@/components/settings/theme-section";
import { ZoneSection } from "@/components/settings/zone-section";

export const metadata: Metadata = { title: "Settings" };

export default function SettingsPage() {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-2xl flex-col gap-4 px-4 pt-4 pb-16">
        <div className="flex flex-col items-start gap-1">
          <Link
            href="/"
            className="-ml-2 inline-flex h-8 items-center gap-1.5 rounded-sm px-2 text-muted text-sm hover:bg-sunken hover:text-ink"
          >
            <ArrowLeft aria-hidden className="size-4" />
            Chat and tasks
          </Link>
          <h1 className="font-semibold text-xl">Settings</h1>
        </div>
        <ZoneSection />
        <NotificationsSection />
        <ThemeSection />
        <DataSection />
      </div>
    </div>
  );
}
