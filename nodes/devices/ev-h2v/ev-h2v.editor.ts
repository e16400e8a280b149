(function () {
  // validators take two arguments, although they need one: only then does the editor take a text for a reason

  const between = (low: number, high: number) =>
    function (this: EditorNode, text: string, _options: unknown): boolean | string {
      const number = Number(text);
      return text !== "" && number >= low && number <= high ? true : this._("ev-h2v.error.between", { low, high });
    };

  /** The same rules as in the runtime, told while typing. */
  function checkAddress(this: EditorNode, text: string, _options: unknown): boolean | string {
    const typed = (text ?? "").trim();
    if (typed === "") return this._("ev-h2v.error.noAddress");
    if (typed.startsWith("${")) return true;
    try {
      const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `http://${typed}`);
      if (url.username !== "" || url.password !== "") return this._("ev-h2v.error.loginInAddress");
      return url.protocol === "http:" || url.protocol === "https:" ? true : this._("ev-h2v.error.address");
    } catch {
      return this._("ev-h2v.error.address");
    }
  }

  RED.nodes.registerType("ev-h2v", {
    category: "EV devices",
    color: "#C0DEED",
    icon: "ev-h2v.svg",
    inputs: 1,
    outputs: 3,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      host: { value: "", required: true, validate: checkAddress },
      offsetHours: { value: "9", required: true, validate: between(-24, 24) },
      pollS: { value: "60", required: true, validate: between(1, 3600) },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-h2v.title");
    },
    paletteLabel: "h2v gateway",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-h2v.port.input");
    },
    outputLabels(this: EditorNode, index: number) {
      return this._(`ev-h2v.port.${["house", "car", "gateway"][index] ?? "gateway"}`);
    },
  });
})();
