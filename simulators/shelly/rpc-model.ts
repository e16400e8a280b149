/** Which products there are and what they are made of (fact sheet v2g 4.2). */
export type ShellyRpcModelName = "pro-em" | "em-gen3" | "em-gen4" | "pro-3em";

export interface ShellyRpcModel {
  /** Model id as the device reports it. */
  readonly model: string;
  readonly generation: 2 | 3 | 4;
  readonly app: string;
  /** Begins the device id; the mac follows after a hyphen. */
  readonly idPrefix: string;
  /** One `em1` per clamp, or one `em` for three phases. */
  readonly component: "em1" | "em";
  readonly channelCount: number;
  readonly hasSwitch: boolean;
  readonly ctType: string;
}

export const shellyRpcModels: Readonly<Record<ShellyRpcModelName, ShellyRpcModel>> = {
  "pro-em": {
    model: "SPEM-002CEBEU50",
    generation: 2,
    app: "ProEM",
    idPrefix: "shellyproem50",
    component: "em1",
    channelCount: 2,
    hasSwitch: true,
    ctType: "50A",
  },
  "em-gen3": {
    model: "S3EM-002CXCEU",
    generation: 3,
    app: "EMG3",
    idPrefix: "shellyemg3",
    component: "em1",
    channelCount: 2,
    hasSwitch: true,
    ctType: "50A",
  },
  "em-gen4": {
    model: "S4EM-002CXCEU",
    generation: 4,
    app: "EMG4",
    idPrefix: "shellyemg4",
    component: "em1",
    channelCount: 2,
    hasSwitch: false,
    ctType: "50A",
  },
  "pro-3em": {
    model: "SPEM-003CEBEU",
    generation: 2,
    app: "Pro3EM",
    idPrefix: "shellypro3em",
    component: "em",
    channelCount: 3,
    hasSwitch: false,
    ctType: "120A",
  },
};
