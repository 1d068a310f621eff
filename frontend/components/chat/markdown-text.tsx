"use client";

import Markdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { asMarkdown } from "@/lib/chat/markdown";

const PLUGINS = [remarkGfm];
/** Pictures would be fetched from strangers. */
const NOT_SHOWN = ["img"];

const COMPONENTS: Components = {
  a: ({ children, href }) => (
    <a
      href={href}
      target="_blank"
      rel="noreferrer noopener"
      className="text-accent underline underline-offset-2"
    >
      {children}
    </a>
  ),
  ul: ({ children }) => <ul className="list-disc pl-5">{children}</ul>,
  ol: ({ children, start }) => (
    <ol start={start} className="list-decimal pl-6">
      {children}
    </ol>
  ),
  li: ({ children }) => <li className="my-1">{children}</li>,
  h1: ({ children }) => <Heading>{children}</Heading>,
  h2: ({ children }) => <Heading>{children}</Heading>,
  h3: ({ children }) => <Heading>{children}</Heading>,
  h4: ({ children }) => <Heading>{children}</Heading>,
  code: ({ children }) => (
    <code className="rounded-sm bg-sunken px-1 py-0.5 font-mono text-[0.9em]">{children}</code>
  ),
  pre: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must get there
    <pre tabIndex={0} className="overflow-x-auto rounded-md bg-sunken p-3">
      {children}
    </pre>
  ),
  blockquote: ({ children }) => (
    <blockquote className="border-line-strong border-l-2 pl-3 text-muted">{children}</blockquote>
  ),
  hr: () => <hr className="border-line" />,
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must get there
    <div tabIndex={0} className="overflow-x-auto">
      <table className="text-sm [&_td]:border-line [&_td]:border-t [&_td]:px-2 [&_td]:py-1 [&_th]:px-2 [&_th]:py-1 [&_th]:text-left">
        {children}
      </table>
    </div>
  ),
};

/** An answer as Markdown. */
export function MarkdownText({ text }: { text: string }) {
  return (
    <div className="flex flex-col gap-2.5 [overflow-wrap:anywhere]">
      <Markdown remarkPlugins={PLUGINS} disallowedElements={NOT_SHOWN} components={COMPONENTS}>
        {asMarkdown(text)}
      </Markdown>
    </div>
  );
}

/** Headings of an answer are no headings of the page. */
function Heading({ children }: { children?: React.ReactNode }) {
  return <p className="font-semibold">{children}</p>;
}
