(function () {
  type Check = (this: EditorNode, text: string, _options: unknown) => boolean | string;
  const isEmpty = (text: unknown): boolean => text === "" || text === undefined || text === null;
  const between = (low: number, high: number): Check =>
    function (text, _options) {
      const number = Number(text);
      const fits = !isEmpty(text) && number >= low && number <= high;
      return fits ? true : this._("ev-quasar-connection.error.between", { low, high });
    };
  const whole = (low: number, high: number, mayBeEmpty = false): Check =>
    function (text, _options) {
      if (mayBeEmpty && isEmpty(text)) return true;
      const number = Number(text);
      const fits = !isEmpty(text) && Number.isInteger(number) && number >= low && number <= high;
      return fits ? true : this._("ev-quasar-connection.error.whole", { low, high });
    };
  // Node-RED fills in environment variables such as ${QUASAR_HOST} at start
  const isVariable = (text: string): boolean => /^\$\{[^}]+\}$/.test(text ?? "");
  const host: Check = function (text, _options) {
    const fits = isVariable(text) || /^[\w.:%-]{1,253}$/.test((text ?? "").trim());
    return fits ? true : this._("ev-quasar-connection.error.host");
  };
  const digits: Check = function (text, _options) {
    const fits = isEmpty(text) || isVariable(text) || /^\d{1,12}$/.test(text);
    return fits ? true : this._("ev-quasar-connection.error.digits");
  };

  RED.nodes.registerType("ev-quasar-connection", {
    category: "config",
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      host: { value: "", required: true, validate: host },
      port: { value: "502", required: true, validate: whole(1, 65535) },
      unit: { value: "1", required: true, validate: whole(0, 255) },
      mode: { value: "current" },
      minA: { value: "3", required: true, validate: between(3, 32) },
      maxChargeA: { value: "16", required: true, validate: between(0, 32) },
      maxDischargeA: { value: "16", required: true, validate: between(0, 32) },
      pollS: { value: "1", required: true, validate: between(0.1, 300) },
      idleTimeoutS: { value: "900", required: true, validate: whole(30, 3600) },
      onExit: { value: "stop" },
      socRememberMin: { value: "720", required: true, validate: between(0, 10080) },
      serial: { value: "", validate: whole(1, 4294967295, true) },
      deadTimeFactor: { value: "1", required: true, validate: between(0, 1) },
      chargerId: { value: "", validate: digits },
      maxRestartsPerDay: { value: "6", required: true, validate: whole(0, 24) },
    },
    credentials: { email: { type: "text" }, password: { type: "password" } },
    label(this: EditorNode) {
      return this.name || this._("ev-quasar-connection.title");
    },
  });
})();
