import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  /** What it is about, in a sentence. */
  detail?: ReactNode;
  children: ReactNode;
}

/** A part of the settings. */
export function Section({ title, detail, children }: Props) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className="flex flex-col gap-4 rounded-lg border border-line bg-surface p-5"
    >
      <div>
        <h2 id={id} className="font-semibold">
          {title}
        </h2>
        {detail && <p className="mt-0.5 text-muted text-sm">{detail}</p>}
      </div>
      {children}
    </section>
  );
}
