/* Our own nodes as the examples configure them. */

/**
 * @typedef {object} HomePorts
 * @property {number} meterPort
 * @property {number} chargerPort
 * @property {number} [solarMeterPort]
 * @property {number} [openEvsePort]
 * @property {number} [brokerPort]
 * @property {number} [h2vPort]
 */

/** @param {HomePorts} ports what has no port is not there */
export function virtualHome({ meterPort, chargerPort, solarMeterPort, openEvsePort, brokerPort, h2vPort }) {
  return {
    version: 1,
    name: "Virtual home",
    meterModel: "gen1",
    meterPort: String(meterPort),
    chargerPort: String(chargerPort),
    solarMeterPort: String(solarMeterPort ?? ""),
    openEvsePort: String(openEvsePort ?? ""),
    brokerPort: String(brokerPort ?? ""),
    h2vPort: String(h2vPort ?? ""),
    openEvseGeneration: "5.1.5",
    baseW: "420",
    peakW: "5000",
    cloudsPercent: "20",
    curve: "noon",
    batteryKwh: "59",
    socPercent: "50",
    plugged: true,
    speedFactor: "20",
    seed: "1",
  };
}

/**
 * @param {string} name
 * @param {number} port
 * @param {readonly string[]} roles what each clamp measures
 */
export function shellyEm(name, port, roles) {
  return {
    version: 1,
    name,
    host: `127.0.0.1:${port}`,
    channels: [0, 1, 2].map((clamp) => ({ role: roles[clamp] ?? "off", invert: false })),
    sumPhases: false,
    pollS: "1",
    push: true,
    frozenAfterS: "60",
    includeRaw: false,
  };
}

/**
 * Answers faster than a house should: a demo is watched, and nobody's relays wear out.
 * @param {string} name
 * @param {string} site id of the ev-site node
 */
export function controller(name, site) {
  return {
    version: 1,
    name,
    site,
    startMode: "freerun",
    restoreMode: false,
    minChargeA: "6",
    maxChargeA: "16",
    minDischargeA: "6",
    maxDischargeA: "16",
    floorSocPercent: "25",
    ceilingSocPercent: "90",
    socHysteresisPercent: "2",
    unknownSoc: "auto",
    probeA: "3",
    probeBeforeDischarge: true,
    method: "levels",
    levels: "",
    hysteresisW: "50",
    chargeBiasA: "-0.5",
    dischargeBiasA: "-0.5",
    chargeActivationW: "",
    dischargeActivationW: "",
    startDelayS: "5",
    stopDelayS: "20",
    v2gStartDelayS: "0",
    v2gStopDelayS: "10",
    staleAfterS: "5",
    chargerStaleAfterS: "30",
    frozenAfterS: "300",
    safeChargeA: "6",
    recoveryDelayS: "5",
    riseDelayS: "5",
    resendAfterS: "60",
    priority: "1",
    chargerPhase: "",
  };
}

/** @param {string} id */
export function site(id) {
  return {
    id,
    type: "ev-site",
    version: 1,
    name: "House",
    fuseA: "63",
    marginA: "1",
    phases: "1",
    voltageV: "230",
    exportLimitW: "",
    zone: "Europe/London",
    currency: "GBP",
  };
}

/**
 * @param {string} id
 * @param {number} port
 */
export function quasarConnection(id, port) {
  return {
    id,
    type: "ev-quasar-connection",
    version: 1,
    name: "Quasar",
    host: "127.0.0.1",
    port: String(port),
    unit: "1",
    mode: "current",
    minA: "3",
    maxChargeA: "16",
    maxDischargeA: "16",
    pollS: "1",
    idleTimeoutS: "900",
    onExit: "stop",
    socRememberMin: "720",
    serial: "",
    deadTimeFactor: "1",
    chargerId: "",
    maxRestartsPerDay: "6",
  };
}

/** @param {string} connection id of the ev-quasar-connection node */
export function quasar(connection) {
  return { version: 1, name: "Quasar", connection, everyS: "0", includeRaw: false };
}

/**
 * A SQLite file that is named after the node, so that a demonstration does not mix with real records.
 * @param {string} id
 */
export function store(id) {
  return {
    id,
    type: "ev-store",
    version: 1,
    name: "Sessions of the demonstration",
    kind: "sqlite",
    file: "",
    url: "",
    tls: "off",
    keepReadingsDays: "0",
    backupsKept: "7",
  };
}

/**
 * @param {string} store id of the ev-store node
 * @param {string} site id of the ev-site node
 */
export function history(store, site) {
  return {
    version: 1,
    name: "History",
    store,
    site,
    zone: "Europe/London",
    currency: "GBP",
    separator: "comma",
    decimalSign: "point",
    bom: true,
    allowEdits: true,
  };
}

/**
 * @param {string} id
 * @param {number} brokerPort
 */
export function openEvseConnection(id, brokerPort) {
  return {
    id,
    type: "ev-openevse-connection",
    version: 1,
    name: "OpenEVSE",
    via: "mqtt",
    scheme: "mqtt",
    host: "127.0.0.1",
    port: String(brokerPort),
    path: "/mqtt",
    tls: "",
    clientId: "",
    keepAliveS: "30",
    baseTopic: "openevse",
    announceTopic: "openevse/announce/#",
    url: "",
    pollS: "5",
    claimId: "2027",
    minA: "6",
    maxA: "32",
    phases: "auto",
    channel: "auto",
    onExit: "release",
    whMeaning: "ask",
    silenceS: "95",
  };
}

/** @param {string} connection id of the ev-openevse-connection node */
export function openEvse(connection) {
  return { version: 1, name: "OpenEVSE", connection, everyS: "0", includeRaw: false };
}

/**
 * @param {string} store id of the ev-store node
 * @param {string} site id of the ev-site node
 */
export function sessionLog(store, site) {
  return {
    version: 1,
    name: "Session log",
    store,
    site,
    zone: "Europe/London",
    currency: "GBP",
    fixedPrice: "0.25",
    referencePrice: "",
    feedInPrice: "",
    updateIntervalS: "60",
    keepEmpty: false,
    devices: [],
    tags: [],
    meterStaleAfterS: "30",
    maxPowerW: "25000",
    settleS: "2",
    graceS: "",
    offlineCloseH: "24",
    mergeGapS: "0",
  };
}

/** @param {number} port */
export function h2v(port) {
  return { version: 1, name: "H2V", host: `127.0.0.1:${port}`, offsetHours: "9", pollS: "60" };
}

/**
 * @param {string} store id of the ev-store node; empty = files only
 * @param {string} folder where the monthly files are, in Node-RED's user directory
 */
export function readingLog(store, folder) {
  return {
    version: 1,
    name: "Minute log",
    store,
    site: "",
    zone: "Asia/Tokyo",
    csv: true,
    folder,
    layout: "compatible",
    encoding: "utf-8",
  };
}

/** @param {string} folder where the monthly files are, in Node-RED's user directory */
export function monthlyReport(folder) {
  return {
    version: 1,
    name: "Monthly report",
    from: "folder",
    sourceFolder: folder,
    store: "",
    device: "H2V",
    pricePerKwh: "31",
    windows: [{ days: "all", from: "23:00", to: "07:00", pricePerKwh: "25" }],
    businessPercent: "40",
    owner: "",
    language: "ja",
    automatic: true,
    writesFiles: true,
    folder: "",
    doubled: false,
    site: "",
    zone: "Asia/Tokyo",
    currency: "JPY",
  };
}
