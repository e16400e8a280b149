(function () {
  RED.nodes.registerType("ev-quasar", {
    category: "EV devices",
    color: "#C0DEED",
    icon: "ev-quasar.svg",
    inputs: 1,
    outputs: 1,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      connection: { value: "", type: "ev-quasar-connection", required: true },
      everyS: {
        value: "0",
        validate(this: EditorNode, text: string, _options: unknown) {
          const number = Number(text);
          return number >= 0 && number <= 3600 ? true : this._("ev-quasar.error.between", { low: 0, high: 3600 });
        },
      },
      includeRaw: { value: false },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-quasar.title");
    },
    paletteLabel: "quasar",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-quasar.port.input");
    },
    outputLabels(this: EditorNode) {
      return this._("ev-quasar.port.output");
    },
  });
})();
