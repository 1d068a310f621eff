import { redirect } from "next/navigation";
import type { ReactNode } from "react";
import { ChatBehind } from "@/components/chat/chat-behind";
import { LiveProvider } from "@/components/live-provider";
import { Reminders } from "@/components/reminders/reminders";
import { Frame } from "@/components/shell/frame";
import { Header } from "@/components/shell/header";
import { SessionGuard } from "@/components/shell/session-guard";
import { SessionProvider } from "@/hooks/use-session";
import { readSession } from "@/lib/server/session";
import { SIGN_IN } from "@/lib/sign-out";

export default async function SignedInLayout({ children }: { children: ReactNode }) {
  const session = await readSession();
  if (!session) redirect(SIGN_IN);
  return (
    <SessionProvider session={session}>
      <SessionGuard />
      <LiveProvider>
        <ChatBehind />
        <Frame>
          <Header />
          <Reminders />
          <main className="flex min-h-0 flex-1 flex-col">{children}</main>
        </Frame>
      </LiveProvider>
    </SessionProvider>
  );
}
