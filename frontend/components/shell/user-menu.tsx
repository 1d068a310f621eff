"use client";

import { CircleUserRound, LogOut, Settings } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { IconButton } from "@/components/ui/icon-button";
import { Menu, MenuItem, MenuRadio, MenuSeparator } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";
import { useSession } from "@/hooks/use-session";
import { useTheme } from "@/hooks/use-theme";
import { signOut } from "@/lib/sign-out";

const THEMES = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

/** Who is signed in, and what they can do about it. */
export function UserMenu() {
  const { name, email } = useSession();
  const { theme, setTheme } = useTheme();
  const toast = useToast();
  const [leaving, setLeaving] = useState(false);

  async function leave() {
    setLeaving(true);
    try {
      await signOut();
    } catch {
      setLeaving(false);
      toast.show({
        tone: "danger",
        title: "You are still signed in: the server cannot be reached. Try again.",
      });
    }
  }

  return (
    <Menu
      trigger={<IconButton label="Account" icon={<CircleUserRound />} disabled={leaving} />}
      className="w-60"
    >
      <div className="px-2.5 pt-2 pb-2">
        <p className="truncate font-medium text-sm">{name}</p>
        <p className="truncate text-muted text-xs">{email}</p>
      </div>
      <MenuSeparator />
      <MenuItem asChild>
        <Link href="/settings">
          <Settings aria-hidden />
          Settings
        </Link>
      </MenuItem>
      <MenuSeparator />
      <MenuRadio label="Theme" value={theme} onChange={setTheme} options={THEMES} />
      <MenuSeparator />
      <MenuItem icon={<LogOut aria-hidden />} onSelect={leave}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
