(function () {
  function checkZone(this: EditorNode, text: string, _options: unknown): boolean | string {
    if ((text ?? "") === "") return hasHouse(this) ? true : this._("ev-history.error.zone");
    try {
      Intl.DateTimeFormat("en", { timeZone: text });
      return true;
    } catch {
      return this._("ev-history.error.zone");
    }
  }

  function checkCurrency(this: EditorNode, text: string, _options: unknown): boolean | string {
    if ((text ?? "") === "" && hasHouse(this)) return true;
    return /^[A-Z]{3}$/.test(text ?? "") ? true : this._("ev-history.error.currency");
  }

  function checkSeparator(this: EditorNode, word: string, _options: unknown): boolean | string {
    if (!["comma", "semicolon", "tab"].includes(word)) return this._("ev-history.error.twoCommas");
    const sign = $("#node-input-decimalSign").val() ?? this.decimalSign;
    return word === "comma" && sign === "comma" ? this._("ev-history.error.twoCommas") : true;
  }

  /** While the dialog is open its choice counts, else what was saved. */
  const hasHouse = (node: EditorNode): boolean => {
    const chosen = $("#node-input-site").val() ?? node.site;
    return typeof chosen === "string" && chosen !== "" && chosen !== "_ADD_";
  };

  RED.nodes.registerType("ev-history", {
    category: "EV records",
    color: "#E2D96E",
    icon: "ev-history.svg",
    inputs: 1,
    outputs: 1,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      store: { value: "", type: "ev-store", required: true },
      site: { value: "", type: "ev-site", required: false },
      zone: { value: Intl.DateTimeFormat().resolvedOptions().timeZone || "Europe/London", validate: checkZone },
      currency: { value: "EUR", validate: checkCurrency },
      separator: { value: "comma", validate: checkSeparator },
      decimalSign: { value: "point" },
      bom: { value: true },
      allowEdits: { value: false },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-history.title");
    },
    paletteLabel: "ev history",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-history.port.input");
    },
    outputLabels(this: EditorNode) {
      return this._("ev-history.port.output");
    },
    oneditprepare(this: EditorNode) {
      const site = $("#node-input-site");
      const showOwn = (): void => {
        $(".ev-history-own").toggle(!hasHouse(this));
      };
      site.on("change", showOwn);
      showOwn();
      // with a decimal comma, cells separated by commas would be wrong: say so at once
      $("#node-input-decimalSign").on("change", () => {
        $("#node-input-separator").trigger("change");
      });
    },
  });
})();
