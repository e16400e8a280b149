(function () {
  const OUTPUTS = ["output", "broker", "answer"];

  RED.nodes.registerType("ev-openevse", {
    category: "EV devices",
    color: "#C0DEED",
    icon: "ev-openevse.svg",
    inputs: 1,
    outputs: 3,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      connection: { value: "", type: "ev-openevse-connection", required: true },
      everyS: {
        value: "0",
        validate(this: EditorNode, text: string, _options: unknown) {
          const number = Number(text);
          return number >= 0 && number <= 3600 ? true : this._("ev-openevse.error.between", { low: 0, high: 3600 });
        },
      },
      includeRaw: { value: false },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-openevse.title");
    },
    paletteLabel: "openevse",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-openevse.port.input");
    },
    outputLabels(this: EditorNode, index: number) {
      return this._(`ev-openevse.port.${OUTPUTS[index] ?? "output"}`);
    },
  });
})();
