(function () {
  const between = (low: number, high: number, key: string, mayBeEmpty = false) =>
    function (this: EditorNode, text: string, _options: unknown): boolean | string {
      if (mayBeEmpty && (text === "" || text === undefined || text === null)) return true;
      const number = Number(text);
      return text !== "" && number >= low && number <= high ? true : this._(key, { low, high });
    };

  RED.nodes.registerType("ev-site", {
    category: "config",
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      fuseA: { value: "63", required: true, validate: between(1, 500, "ev-site.error.between") },
      marginA: { value: "1", required: true, validate: between(0, 100, "ev-site.error.between") },
      phases: { value: "1", required: true },
      voltageV: { value: "230", required: true, validate: between(80, 300, "ev-site.error.between") },
      exportLimitW: { value: "", validate: between(0, 100000, "ev-site.error.between", true) },
      zone: {
        value: Intl.DateTimeFormat().resolvedOptions().timeZone || "Europe/London",
        required: true,
        validate(this: EditorNode, text: string, _options: unknown) {
          try {
            Intl.DateTimeFormat("en", { timeZone: text });
            return text !== "";
          } catch {
            return this._("ev-site.error.zone");
          }
        },
      },
      currency: {
        value: "EUR",
        required: true,
        validate(this: EditorNode, text: string, _options: unknown) {
          return /^[A-Z]{3}$/.test(text) ? true : this._("ev-site.error.currency");
        },
      },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-site.title");
    },
  });
})();
