import { z } from "zod";
import { type HeadroomRequest, shareHeadroom } from "./headroom.ts";

/** What all chargers of a house share. */
export const siteSettingsSchema = z.object({
  /** main fuse per phase */
  fuseA: z.coerce.number().min(1).max(500),
  marginA: z.coerce.number().min(0).max(100).default(1),
  phases: z.coerce
    .number()
    .pipe(z.union([z.literal(1), z.literal(2), z.literal(3)]))
    .default(1),
  voltageV: z.coerce.number().min(80).max(300).default(230),
  /** null = no limit */
  exportLimitW: z.coerce.number().min(0).max(100_000).nullable().default(null),
  /** IANA name */
  zone: z.string().refine(isTimeZone, "not a time zone such as Europe/London"),
  /** ISO 4217 */
  currency: z.string().regex(/^[A-Z]{3}$/, "not three capital letters such as GBP"),
});
export type SiteSettings = Readonly<z.output<typeof siteSettingsSchema>>;

/** One house: its settings, and its main fuse shared between the controllers that joined. */
export interface Site {
  readonly settings: SiteSettings;
  /** @param onShare hears this member's share whenever it changes, A per phase */
  join(onShare: (availableA: number) => void): SiteMember;
}

export interface SiteMember {
  /**
   * Says what this controller wants and what it sees at the meter; shares are worked out anew for all.
   *
   * @param gridCurrentsA per phase, + import; null = this controller has no fresh grid reading
   */
  update(request: HeadroomRequest, gridCurrentsA: readonly number[] | null): void;
  /** Gives its share back to the others. */
  leave(): void;
}

interface Member {
  readonly onShare: (availableA: number) => void;
  request: HeadroomRequest | null;
  gridCurrentsA: readonly number[] | null;
  shareA: number | null;
}

/**
 * Shares the main fuse (see `shareHeadroom`). Two controllers may see the house through different meters; the one that
 * sees the higher import is believed.
 */
export function createSite(settings: SiteSettings): Site {
  const members = new Set<Member>();
  const dealOut = (): void => {
    const asking = [...members].filter((member) => member.request !== null);
    const shares = shareHeadroom({
      fuseA: settings.fuseA,
      marginA: settings.marginA,
      phases: settings.phases,
      gridCurrentsA: worstView(asking.map(({ gridCurrentsA }) => gridCurrentsA)),
      requests: asking.flatMap(({ request }) => (request === null ? [] : [request])),
    });
    for (const member of asking) {
      const shareA = shares.get(member.request?.id ?? "") ?? 0;
      if (shareA === member.shareA) continue;
      member.shareA = shareA;
      member.onShare(shareA);
    }
  };
  return {
    settings,
    join(onShare) {
      const member: Member = { onShare, request: null, gridCurrentsA: null, shareA: null };
      members.add(member);
      return {
        update(request, gridCurrentsA) {
          if (!members.has(member)) return;
          member.request = request;
          member.gridCurrentsA = gridCurrentsA;
          dealOut();
        },
        leave() {
          if (members.delete(member)) dealOut();
        },
      };
    },
  };
}

/** Per phase the highest import that any member sees; null when none sees the meter. */
function worstView(views: readonly (readonly number[] | null)[]): readonly number[] | null {
  const seen = views.filter((view) => view !== null && view.length > 0);
  if (seen.length === 0) return null;
  const phases = Math.min(...seen.map((view) => view?.length ?? 0));
  return Array.from({ length: phases }, (_, phase) => {
    // a shorter view holds only the worst phase, which then stands for all
    return Math.max(...seen.map((view) => (view?.length === phases ? (view[phase] ?? 0) : Math.max(...(view ?? [0])))));
  });
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
