(function () {
  const between = (low: number, high: number, mayBeEmpty = false) =>
    function (this: EditorNode, text: string, _options: unknown): boolean | string {
      if (mayBeEmpty && (text === "" || text === undefined || text === null)) return true;
      const number = Number(text);
      return text !== "" && number >= low && number <= high ? true : this._("ev-control.error.between", { low, high });
    };

  RED.nodes.registerType("ev-control", {
    category: "EV planning",
    color: "#C7E9C0",
    icon: "ev-control.svg",
    inputs: 1,
    outputs: 3,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      site: { value: "", type: "ev-site", required: true },
      startMode: { value: "freerun" },
      restoreMode: { value: false },
      minChargeA: { value: "6", validate: between(0, 500) },
      maxChargeA: { value: "16", validate: between(0, 500) },
      minDischargeA: { value: "6", validate: between(0, 500) },
      maxDischargeA: { value: "16", validate: between(0, 500) },
      floorSocPercent: { value: "25", validate: between(0, 95) },
      ceilingSocPercent: {
        value: "90",
        validate(this: EditorNode, text: string, _options: unknown) {
          const fits = between(5, 97).call(this, text, _options);
          if (fits !== true) return fits;
          const floor = Number($("#node-input-floorSocPercent").val() ?? this.floorSocPercent);
          return Number(text) > floor + 2 ? true : this._("ev-control.error.floor");
        },
      },
      socHysteresisPercent: { value: "2", validate: between(0, 20) },
      unknownSoc: { value: "auto" },
      probeA: { value: "3", validate: between(0, 500) },
      probeBeforeDischarge: { value: true },
      method: { value: "levels" },
      levels: {
        value: "",
        validate(this: EditorNode, text: string, _options: unknown) {
          return /^\s*(\d+\s*:\s*\d+\s*([,;]\s*|$))*$/.test(text ?? "") ? true : this._("ev-control.error.levels");
        },
      },
      hysteresisW: { value: "50", validate: between(0, 5000) },
      chargeBiasA: { value: "-0.5", validate: between(-10, 10) },
      dischargeBiasA: { value: "-0.5", validate: between(-10, 10) },
      chargeActivationW: { value: "", validate: between(0, 100000, true) },
      dischargeActivationW: { value: "", validate: between(0, 100000, true) },
      startDelayS: { value: "60", validate: between(0, 86400) },
      stopDelayS: { value: "180", validate: between(0, 86400) },
      v2gStartDelayS: { value: "0", validate: between(0, 86400) },
      v2gStopDelayS: { value: "10", validate: between(0, 86400) },
      staleAfterS: { value: "10", validate: between(1, 3600) },
      chargerStaleAfterS: { value: "30", validate: between(1, 3600) },
      frozenAfterS: { value: "300", validate: between(10, 86400) },
      safeChargeA: { value: "6", validate: between(0, 500) },
      recoveryDelayS: { value: "10", validate: between(0, 3600) },
      riseDelayS: { value: "15", validate: between(0, 3600) },
      resendAfterS: { value: "60", validate: between(1, 3600) },
      priority: { value: "1", validate: between(0, 1000) },
      chargerPhase: { value: "" },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-control.title");
    },
    paletteLabel: "ev control",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-control.port.input");
    },
    outputLabels(this: EditorNode, index: number) {
      return this._(`ev-control.port.output${index + 1}`);
    },
    oneditprepare(this: EditorNode) {
      const method = $("#node-input-method");
      const showMethod = (): void => {
        $(".ev-control-levels").toggle(method.val() === "levels");
        $(".ev-control-direct").toggle(method.val() === "direct");
      };
      method.on("change", showMethod);
      showMethod();
    },
  });
})();
