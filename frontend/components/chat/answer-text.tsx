"use client";

import { lazy, memo, Suspense } from "react";

const MarkdownText = lazy(() =>
  import("./markdown-text").then(
    ({ MarkdownText }) => ({ default: MarkdownText }),
    () => ({ default: Plain }),
  ),
);

/** An answer's words: plain until what shows Markdown is there, or if it cannot be had. */
export const AnswerText = memo(function AnswerText({ text }: { text: string }) {
  return (
    <Suspense fallback={<Plain text={text} />}>
      <MarkdownText text={text} />
    </Suspense>
  );
});

function Plain({ text }: { text: string }) {
  return <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>;
}
