"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSession } from "@/hooks/use-session";
import { api } from "@/lib/api/client";
import type { Profile } from "@/lib/api/types";
import { keys } from "@/lib/query-keys";

/** The zone that the browser says it is in. */
export function detectedZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** The person's profile. */
export function useProfile() {
  const { userId } = useSession();
  return useQuery({
    queryKey: keys.profile,
    queryFn: ({ signal }) => api<Profile>("GET", `/api/${userId}/profile`, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Sets the person's zone. */
export function useSetZone() {
  const { userId } = useSession();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (zone: string) =>
      api<Profile>("PUT", `/api/${userId}/profile`, { body: { time_zone: zone } }),
    onSuccess: (profile) => cache.setQueryData(keys.profile, profile),
  });
}

/** The zone of the person's calendar: theirs, or the browser's until they have one. */
export function useZone(): string {
  const { data } = useProfile();
  return data?.time_zone_set ? data.time_zone : detectedZone();
}

/** Gives a person who never said where they are the zone of their browser. Once per page. */
export function useFirstZone(): void {
  const { data } = useProfile();
  const { mutate, isIdle } = useSetZone();
  const unset = data?.time_zone_set === false;
  useEffect(() => {
    if (unset && isIdle) mutate(detectedZone());
  }, [unset, isIdle, mutate]);
}
