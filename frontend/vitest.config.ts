import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: {
      "@": import.meta.dirname,
      // Next.js has it refuse to be in a browser; here there is none.
      "server-only": `${import.meta.dirname}/node_modules/next/dist/compiled/server-only/empty.js`,
    },
  },
  test: {
    include: ["{app,components,hooks,lib}/**/*.test.{ts,tsx}"],
    // These need servers; `cargo stack test` runs them with vitest.stack.config.ts.
    exclude: ["**/*.stack.test.ts"],
    environment: "node",
  },
});
