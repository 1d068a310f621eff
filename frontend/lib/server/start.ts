import "server-only";

import { readConfig } from "./config";

// A wrong setting ends the server before its first request, with a sentence.
try {
  readConfig();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
