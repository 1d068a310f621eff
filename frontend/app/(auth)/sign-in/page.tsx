import type { Metadata } from "next";
import { AuthForm } from "@/components/auth/auth-form";

export const metadata: Metadata = { title: "Sign in" };

interface Props {
  searchParams: Promise<{ ended?: string; erased?: string }>;
}

export default async function SignInPage({ searchParams }: Props) {
  const { ended, erased } = await searchParams;
  const notice = erased
    ? "Your account and everything in it has been erased."
    : ended
      ? "Your session has ended. Sign in to go on; what you typed is still there."
      : undefined;
  return <AuthForm mode="sign-in" notice={notice} />;
}
