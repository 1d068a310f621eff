"use client";

import Link from "next/link";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { authClient } from "@/lib/auth-client";
import { type AuthMessage, authMessage, checkFields } from "@/lib/auth-errors";
import { announceSession } from "@/lib/sign-out";
import { PasswordInput } from "./password-input";

interface Props {
  mode: "sign-in" | "sign-up";
  /** Said above the fields, such as why the person is here. */
  notice?: string;
}

const WORDS = {
  "sign-in": {
    title: "Sign in",
    submit: "Sign in",
    otherwise: "New here?",
    other: "Create an account",
    href: "/sign-up",
  },
  "sign-up": {
    title: "Create your account",
    submit: "Create account",
    otherwise: "Have an account?",
    other: "Sign in",
    href: "/sign-in",
  },
};

/** Email and password, and a name for those who are new. */
export function AuthForm({ mode, notice }: Props) {
  const isNew = mode === "sign-up";
  const words = WORDS[mode];
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<AuthMessage>();
  const errorOf = (field: AuthMessage["field"]) =>
    problem?.field === field ? problem?.text : undefined;

  // Whoever cannot see that a message appeared is taken to where the mistake is.
  useEffect(() => {
    if (!problem?.field) return;
    form.current?.querySelector<HTMLInputElement>(`[name="${problem.field}"]`)?.focus();
  }, [problem]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const text = (name: string) => String(data.get(name) ?? "");
    const values = {
      name: isNew ? text("name").trim() : undefined,
      email: text("email").trim(),
      password: text("password"),
    };
    const wrong = checkFields({ ...values, isNew });
    setProblem(wrong);
    if (wrong) return;
    setBusy(true);
    const refused = await send(values);
    if (refused) {
      setProblem(refused);
      setBusy(false);
      return;
    }
    announceSession();
    location.assign("/");
  }

  return (
    <>
      <h1 className="text-center font-semibold text-xl">{words.title}</h1>
      {notice && !problem && (
        <Notice className="mt-5" tone="info">
          {notice}
        </Notice>
      )}
      {problem && !problem.field && (
        <Notice className="mt-5" tone="danger">
          {problem.text}
        </Notice>
      )}
      {/* `post` in case it is sent before the script runs: a password belongs in no address. */}
      <form
        ref={form}
        method="post"
        noValidate
        onSubmit={submit}
        className="mt-6 flex flex-col gap-5"
      >
        {isNew && (
          <Field label="Name" error={errorOf("name")}>
            {(ids) => <Input {...ids} name="name" autoComplete="name" required maxLength={100} />}
          </Field>
        )}
        <Field label="Email" error={errorOf("email")}>
          {(ids) => (
            <Input
              {...ids}
              name="email"
              type="email"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              required
              maxLength={254}
            />
          )}
        </Field>
        <Field
          label="Password"
          hint={isNew ? "At least 8 characters." : undefined}
          error={errorOf("password")}
        >
          {(ids) => (
            <PasswordInput
              {...ids}
              name="password"
              autoComplete={isNew ? "new-password" : "current-password"}
              required
              maxLength={128}
            />
          )}
        </Field>
        <Button type="submit" tone="primary" busy={busy} className="mt-1 w-full">
          {words.submit}
        </Button>
      </form>
      <p className="mt-6 text-center text-muted text-sm">
        {words.otherwise}{" "}
        <Link
          href={words.href}
          className="inline-block rounded-sm py-1 font-medium text-accent underline underline-offset-4 hover:text-accent-strong"
        >
          {words.other}
        </Link>
      </p>
    </>
  );
}

/** Signs in, or up when there is a name; what went wrong, if anything. */
async function send(values: {
  name?: string;
  email: string;
  password: string;
}): Promise<AuthMessage | undefined> {
  const { name, ...credentials } = values;
  try {
    const { error } =
      name === undefined
        ? await authClient.signIn.email(credentials)
        : await authClient.signUp.email({ name, ...credentials });
    return error ? authMessage(error) : undefined;
  } catch {
    return authMessage({});
  }
}
