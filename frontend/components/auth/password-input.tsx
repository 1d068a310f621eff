"use client";

import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { Input } from "@/components/ui/field";
import { IconButton } from "@/components/ui/icon-button";

/** A password, hidden until its owner wants to see it. */
export function PasswordInput(props: Omit<ComponentProps<"input">, "type">) {
  const [shown, show] = useState(false);
  return (
    <div className="relative">
      <Input {...props} type={shown ? "text" : "password"} className="pr-11" />
      <IconButton
        label={shown ? "Hide password" : "Show password"}
        aria-pressed={shown}
        icon={shown ? <EyeOff /> : <Eye />}
        size="sm"
        className="absolute top-1 right-1"
        onClick={() => show(!shown)}
      />
    </div>
  );
}
