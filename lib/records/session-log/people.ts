import { cleanName } from "./clean-text.ts";
import type { LogEntry } from "./entry.ts";
import type { DeviceDefaults, Location, LogSettings, Purpose, TagOwner, Terms } from "./settings.ts";

/** Whose session it is and what it is for. */
export interface Attribution {
  readonly vehicle: string | null;
  readonly user: string | null;
  readonly odometerKm: number | null;
  readonly purpose: Purpose | null;
  readonly businessRatio: number | null;
  readonly location: Location | null;
  readonly note: string | null;
}

const RATIO_OF_PURPOSE: Readonly<Record<Purpose, number | null>> = { business: 1, private: 0, mixed: null };

/** What is set for a charger: its own line, else the line for all. */
export function defaultsFor(settings: LogSettings, device: string): DeviceDefaults | null {
  const { devices } = settings;
  return devices.find((line) => line.device === device) ?? devices.find((line) => line.device === null) ?? null;
}

/** Cards are told apart without regard to case and blanks: readers differ in how they print the same card. */
const sameCard = (a: string, b: string): boolean => bareCard(a) === bareCard(b);
const bareCard = (rfid: string): string => rfid.replaceAll(/[\s:-]/g, "").toLowerCase();

export function ownerOf(tags: readonly TagOwner[], shown: string | null): TagOwner | null {
  const rfid = cleanName(shown, 200);
  return rfid === null ? null : (tags.find((tag) => sameCard(tag.rfid, rfid)) ?? null);
}

/** A person's word beats the card, the card beats what the car says, and that beats the charger's defaults. */
export function attribute({ annotations, vehicleSeen }: LogEntry, { defaults, owner }: Terms): Attribution {
  const purpose = said(annotations.purpose, owner?.purpose ?? defaults?.purpose ?? null);
  const ratio = purpose === null || purpose === "mixed" ? (defaults?.businessRatio ?? null) : RATIO_OF_PURPOSE[purpose];
  return {
    vehicle: said(annotations.vehicle, owner?.vehicle ?? vehicleSeen?.vehicle ?? defaults?.vehicle ?? null),
    user: said(annotations.user, owner?.user ?? defaults?.user ?? null),
    odometerKm: said(annotations.odometerKm, vehicleSeen?.odometerKm ?? null),
    purpose,
    businessRatio: said(annotations.businessRatio, ratio),
    location: said(annotations.location, defaults?.location ?? null),
    note: annotations.note ?? null,
  };
}

const said = <Field>(word: Field | undefined, otherwise: Field): Field => (word === undefined ? otherwise : word);
