"use client";

import { useSession } from "@/hooks/use-session";

const EXAMPLES = [
  "Add buy milk tomorrow at 9am",
  "Remind me to water the plants every Monday at 8",
  "What is due today?",
  "What can you do?",
];

/** What somebody sees before anything was said. */
export function FirstVisit({ onSay }: { onSay: (text: string) => void }) {
  const { name } = useSession();
  const first = name.trim().split(/\s+/)[0];
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col items-center gap-2 py-8 text-center @lg:py-16">
      <h3 className="font-semibold text-2xl">{first ? `Hello, ${first}` : "Hello"}</h3>
      <p className="text-muted text-balance">
        Tell me what to put on your list, ask what is due, or say what is done.
      </p>
      <ul className="mt-4 grid w-full gap-2 @lg:grid-cols-2">
        {EXAMPLES.map((example) => (
          <li key={example} className="flex">
            <button
              type="button"
              onClick={() => onSay(example)}
              className="flex-1 rounded-md border border-line bg-surface px-4 py-3 text-left text-sm transition-colors hover:border-line-strong hover:bg-sunken"
            >
              {example}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
