(function () {
  /** Two arguments, although one is needed: only then does the editor take a text for a reason. */
  function checkZone(this: EditorNode, text: string, _options: unknown): boolean | string {
    if ((text ?? "") === "") return true;
    try {
      Intl.DateTimeFormat("en", { timeZone: text });
      return true;
    } catch {
      return this._("ev-reading-log.error.zone");
    }
  }

  RED.nodes.registerType("ev-reading-log", {
    category: "EV records",
    color: "#E2D96E",
    icon: "ev-reading-log.svg",
    inputs: 1,
    outputs: 0,
    align: "right",
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      store: { value: "", type: "ev-store", required: false },
      site: { value: "", type: "ev-site", required: false },
      zone: { value: "", validate: checkZone },
      csv: { value: false },
      folder: { value: "" },
      layout: { value: "compatible" },
      encoding: { value: "utf-8" },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-reading-log.title");
    },
    paletteLabel: "reading log",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-reading-log.port.input");
    },
    oneditprepare(this: EditorNode) {
      const csv = $("#node-input-csv");
      const showFiles = (): void => {
        $(".ev-reading-log-files").toggle(csv.is(":checked"));
      };
      csv.on("change", showFiles);
      showFiles();
    },
  });
})();
