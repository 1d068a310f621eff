"use client";

import { useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { useToast } from "@/components/ui/toast";
import { detectedZone, useProfile, useSetZone } from "@/hooks/use-profile";
import { timeLabel } from "@/lib/tasks/format";
import { allZones, findZones, zoneLabel, zoneOffset } from "@/lib/zones";
import { Section } from "./section";

/** As many as can be looked through. */
const SHOWN = 8;

/** The zone by whose clock and calendar dates are meant. */
export function ZoneSection() {
  const { data: profile, error } = useProfile();
  const { mutate, isPending } = useSetZone();
  const toast = useToast();
  const [search, setSearch] = useState("");
  const detected = detectedZone();
  const zone = profile?.time_zone;
  const zones = useMemo(() => allZones(detected, zone ?? "UTC"), [detected, zone]);
  const found = useMemo(() => findZones(zones, search), [zones, search]);

  function choose(chosen: string) {
    mutate(chosen, {
      onSuccess: () => {
        setSearch("");
        toast.show({ title: `Your time zone is ${zoneLabel(chosen)}.` });
      },
      onError: (problem) =>
        toast.show({ tone: "danger", title: "Time zone not changed", detail: problem.message }),
    });
  }

  return (
    <Section
      title="Time zone"
      detail="Days, times and reminders are meant by its clock. Tasks due on a day move with it, those due at a moment stay."
    >
      {error && <Notice tone="danger">Your profile could not be read. {error.message}</Notice>}
      {profile && (
        <p className="flex items-center gap-2 text-sm">
          <span className="font-medium">{zoneLabel(profile.time_zone)}</span>
          <span className="text-muted">
            {zoneOffset(profile.time_zone, Date.now())}, now{" "}
            {timeLabel(Date.now(), profile.time_zone)}
          </span>
          {isPending && <Spinner />}
        </p>
      )}
      {profile && detected !== profile.time_zone && (
        <Notice>
          <p>This browser is in {zoneLabel(detected)}.</p>
          <Button size="sm" className="mt-2" disabled={isPending} onClick={() => choose(detected)}>
            Use {zoneLabel(detected)}
          </Button>
        </Notice>
      )}
      <Field label="Choose another">
        {(ids) => (
          <Input
            {...ids}
            type="search"
            value={search}
            onChange={({ target }) => setSearch(target.value)}
            placeholder="City or region, such as Berlin"
            autoComplete="off"
          />
        )}
      </Field>
      {search.trim() !== "" && (
        <div>
          <ul className="flex flex-col">
            {found.slice(0, SHOWN).map((each) => (
              <li key={each}>
                <button
                  type="button"
                  disabled={isPending}
                  onClick={() => choose(each)}
                  className="flex min-h-9 w-full items-center justify-between gap-3 rounded-sm px-2 text-left text-sm hover:bg-sunken"
                >
                  {zoneLabel(each)}
                  <span className="text-muted text-xs">{zoneOffset(each, Date.now())}</span>
                </button>
              </li>
            ))}
          </ul>
          <p role="status" className="px-2 pt-1 text-muted text-xs">
            {found.length === 0 && "No time zone has that name."}
            {found.length > SHOWN && `${found.length - SHOWN} more: type more of the name.`}
          </p>
        </div>
      )}
    </Section>
  );
}
