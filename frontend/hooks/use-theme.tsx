"use client";

import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { THEME_COOKIE, type Theme, themeAttribute } from "@/lib/theme";

interface ThemeChoice {
  theme: Theme;
  setTheme: (theme: Theme) => void;
}

const Context = createContext<ThemeChoice | undefined>(undefined);

const A_YEAR = 365 * 24 * 3600;

/** Keeps the person's choice of theme, on the page and in a cookie for the server. */
export function ThemeProvider({ initial, children }: { initial: Theme; children: ReactNode }) {
  const [theme, keep] = useState(initial);
  const setTheme = useCallback((next: Theme) => {
    keep(next);
    const attribute = themeAttribute(next);
    if (attribute) document.documentElement.dataset.theme = attribute;
    else delete document.documentElement.dataset.theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
    document.cookie = `${THEME_COOKIE}=${next}; Path=/; Max-Age=${A_YEAR}; SameSite=Lax${secure}`;
  }, []);
  const value = useMemo(() => ({ theme, setTheme }), [theme, setTheme]);
  return <Context value={value}>{children}</Context>;
}

/** The choice of theme, and how to change it. */
export function useTheme(): ThemeChoice {
  const value = useContext(Context);
  if (!value) throw new Error("useTheme needs a ThemeProvider above it");
  return value;
}
