"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { setNonce } from "get-nonce";
import { type ReactNode, useState } from "react";
import { ToastProvider } from "@/components/ui/toast";
import { ThemeProvider } from "@/hooks/use-theme";
import type { Theme } from "@/lib/theme";

interface Props {
  theme: Theme;
  /** The response's nonce, for the style element that open dialogs add. */
  nonce?: string;
  children: ReactNode;
}

/** What every page needs: the theme, the query cache and toasts. */
export function Providers({ theme, nonce, children }: Props) {
  const [client] = useState(newClient);
  if (nonce) setNonce(nonce);
  return (
    <QueryClientProvider client={client}>
      <ThemeProvider initial={theme}>
        <ToastProvider>{children}</ToastProvider>
      </ThemeProvider>
    </QueryClientProvider>
  );
}

function newClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // `api` tries again by itself; the live feed says when something has changed.
      queries: { retry: false, staleTime: 60_000, gcTime: 10 * 60_000 },
      mutations: { retry: false },
    },
  });
}
