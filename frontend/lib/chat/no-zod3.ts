/**
 * Stands in for version 3 of `zod` in the browser's bundle (see `next.config.ts`): what `ai` is
 * built on compares schemas with the kinds of that version. Its own, and ours, are of version 4.
 */
export const ZodFirstPartyTypeKind: Readonly<Record<string, string>> = {};
