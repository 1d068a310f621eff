import type { NextConfig } from "next";

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
  poweredByHeader: false,
  reactStrictMode: true,
  turbopack: {
    // What `ai` has for calling models itself, and for schemas of another age, is no part of the page.
    resolveAlias: {
      "@ai-sdk/gateway": { browser: "./lib/chat/no-gateway.ts" },
      "zod/v3": { browser: "./lib/chat/no-zod3.ts" },
    },
  },
};

export default config;
