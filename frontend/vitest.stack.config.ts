import { defineConfig, mergeConfig } from "vitest/config";
import units from "./vitest.config.ts";

/** Tests that need the stack's servers, whose addresses are in the environment. */
export default mergeConfig(
  { ...units, test: { ...units.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ["lib/**/*.stack.test.ts"] } }),
);
