import type { Clock } from "../../model/clock.ts";
import type { CsvOptions } from "../tables/csv.ts";
import type { Store } from "../store/store.ts";
import type { Texts } from "./files.ts";

/** What a history works with. */
export interface HistoryParts {
  readonly store: Pick<Store, "db" | "commit" | "findSession">;
  /** IANA zone of the site: for payments, tariffs and what is entered by hand; a session has its own */
  readonly zone: string;
  /** where a request names none */
  readonly currency: string;
  readonly csv: CsvOptions;
  readonly clock: Clock;
  readonly texts: Texts;
}
