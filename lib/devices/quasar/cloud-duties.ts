import type { Clock } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import {
  countFailure,
  countRestart,
  forgetFailures,
  isRestartAllowed,
  isRestartDue,
  NO_RESTARTS,
  quietAfterOcpp,
  type RestartHistory,
} from "./restart-policy.ts";

/** The vendor's cloud, as far as a charger needs it; see wallbox-cloud.ts. */
export interface ChargerCloud {
  /** @throws EvError `refused` while the firmware is being updated */
  restart(signal: AbortSignal): Promise<void>;
  setOcpp(enabled: boolean, signal: AbortSignal): Promise<void>;
}

/** What is done through the cloud: restart a dead charger, hand it to an OCPP server and take it back. */
export interface CloudDuties {
  /** While true nothing may be written over Modbus. */
  readonly isOcppOn: boolean;
  /** A request to the charger failed in a way that a dead Modbus module would cause. */
  failed(isReleased: boolean): void;
  answered(): void;
  /** @throws EvError `unsupported` without an account, `refused` too soon, too often or under OCPP, or what the cloud says */
  restart(): Promise<void>;
  /**
   * @param prepare gives the charger out of our hands before an OCPP server gets it
   * @throws EvError `unsupported` without an account, or what the cloud says
   */
  setOcpp(enabled: boolean, prepare: () => Promise<void>): Promise<void>;
}

export interface CloudDutiesOptions {
  readonly cloud: ChargerCloud | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly maxRestartsPerDay: number;
  readonly isOcppOn: boolean;
  readonly onOcppChanged: (isOn: boolean) => void;
  readonly onRestarted: () => void;
}

export function createCloudDuties(options: CloudDutiesOptions): CloudDuties {
  const { cloud, clock, logger, signal, maxRestartsPerDay: maxPerDay } = options;
  const now = (): number => clock.monotonicMs();
  let history: RestartHistory = NO_RESTARTS;
  let isOcppOn = options.isOcppOn;
  let isBusy = false;

  /** One errand at a time. */
  const inTurn = async (errand: (reached: ChargerCloud) => Promise<void>): Promise<void> => {
    if (cloud === null) {
      throw new EvError("unsupported", "This needs the vendor's cloud: enter charger id, e-mail and password.");
    }
    if (isBusy) throw new EvError("busy", "The vendor's cloud is already being asked for something.");
    isBusy = true;
    try {
      await errand(cloud);
    } finally {
      isBusy = false;
    }
  };

  const restart = (): Promise<void> =>
    inTurn(async (reached) => {
      if (isOcppOn) throw new EvError("refused", "While an OCPP server has the charger it is not restarted.");
      if (!isRestartAllowed(history, maxPerDay, now())) {
        throw new EvError("refused", `At most one restart in seven minutes, and ${maxPerDay} a day.`);
      }
      history = countRestart(history, now());
      await reached.restart(signal);
      options.onRestarted();
    });

  return {
    get isOcppOn() {
      return isOcppOn;
    },
    failed(isReleased) {
      history = countFailure(history);
      const circumstances = { hasCloud: cloud !== null, isOcppOn, isReleased, maxPerDay };
      if (isBusy || !isRestartDue(history, circumstances, now())) return;
      logger.warn("The charger's Modbus module does not answer; restarting the charger through the vendor's cloud.");
      restart().catch((thrown: unknown) => {
        if (!signal.aborted) logger.warn(`Restarting through the vendor's cloud failed: ${toEvError(thrown).message}`);
      });
    },
    answered() {
      history = forgetFailures(history);
    },
    restart,
    setOcpp: (enabled, prepare) =>
      inTurn(async (reached) => {
        const before = isOcppOn;
        if (enabled && !before) await prepare();
        // from the first call on nobody knows who has the charger: keep still
        isOcppOn = true;
        try {
          await reached.setOcpp(enabled, signal);
          isOcppOn = enabled;
        } catch (thrown) {
          isOcppOn = before;
          throw thrown;
        } finally {
          history = quietAfterOcpp(history, now());
          if (isOcppOn !== before) options.onOcppChanged(isOcppOn);
        }
      }),
  };
}
