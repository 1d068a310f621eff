/** Light, dark, or as the system has it. */
export type Theme = "system" | "light" | "dark";

/** The cookie by which the server knows the choice, so that the first paint is right. */
export const THEME_COOKIE = "theme";

/** Reads a cookie's value; anything unknown means the system's theme. */
export function parseTheme(value: string | undefined): Theme {
  return value === "light" || value === "dark" ? value : "system";
}

/** The `data-theme` attribute of a choice; none leaves it to the system. */
export function themeAttribute(theme: Theme): "light" | "dark" | undefined {
  return theme === "system" ? undefined : theme;
}
