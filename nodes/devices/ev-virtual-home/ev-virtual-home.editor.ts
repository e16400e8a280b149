(function () {
  const between = (low: number, high: number, mayBeEmpty = false) =>
    function (this: EditorNode, text: string, _options: unknown): boolean | string {
      if (mayBeEmpty && (text === "" || text === undefined || text === null)) return true;
      const number = Number(text);
      return text !== "" && number >= low && number <= high
        ? true
        : this._("ev-virtual-home.error.between", { low, high });
    };
  const port = (mayBeEmpty = false) =>
    function (this: EditorNode, text: string, _options: unknown): boolean | string {
      const fits = between(0, 65535, mayBeEmpty).call(this, text, _options);
      if (fits !== true) return fits;
      return Number.isInteger(Number(text)) ? true : this._("ev-virtual-home.error.between", { low: 0, high: 65535 });
    };

  RED.nodes.registerType("ev-virtual-home", {
    category: "EV devices",
    color: "#C0DEED",
    icon: "ev-virtual-home.svg",
    inputs: 1,
    outputs: 1,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      meterModel: { value: "gen1" },
      meterPort: { value: "18011", required: true, validate: port() },
      chargerPort: { value: "18012", required: true, validate: port() },
      solarMeterPort: { value: "", validate: port(true) },
      openEvsePort: { value: "", validate: port(true) },
      h2vPort: { value: "", validate: port(true) },
      brokerPort: { value: "", validate: port(true) },
      openEvseGeneration: { value: "5.1.5" },
      baseW: { value: "420", required: true, validate: between(0, 20000) },
      peakW: { value: "5000", required: true, validate: between(0, 100000) },
      cloudsPercent: { value: "20", required: true, validate: between(0, 100) },
      curve: { value: "noon" },
      batteryKwh: { value: "59", required: true, validate: between(1, 500) },
      socPercent: { value: "50", required: true, validate: between(0, 100) },
      plugged: { value: true },
      speedFactor: { value: "60", required: true, validate: between(0.1, 3600) },
      seed: { value: "1", required: true, validate: between(0, 2147483647) },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-virtual-home.title");
    },
    paletteLabel: "virtual home",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-virtual-home.port.input");
    },
    outputLabels(this: EditorNode) {
      return this._("ev-virtual-home.port.output");
    },
    oneditprepare(this: EditorNode) {
      // a home from before there was an OpenEVSE
      if (!this["openEvseGeneration"]) $("#node-input-openEvseGeneration").val("5.1.5");
    },
  });
})();
