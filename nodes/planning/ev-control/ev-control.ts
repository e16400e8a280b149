import type { ControlAction, ControlEvent, Timing } from "../../../lib/planning/control/state.ts";
import type { Site } from "../../../lib/planning/control/site.ts";
import type { Command } from "../../../lib/model/commands.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { recordMessage, type NodeContext } from "../../shared/node-context.ts";
import type { NodeMessage } from "../../shared/node-red.d.ts";
import { createTexts } from "./control-texts.ts";

/** Without the type, so that both clocks are stamped in one place. */
type Happening = ControlEvent extends infer Each
  ? Each extends ControlEvent
    ? Omit<Each, "nowMs" | "monotonicMs">
    : never
  : never;

/** How often time itself is an event, ms: staleness, delays and end times are checked this often. */
const TICK_MS = 1000;
const SAVED = "choices";

/** One controller: readings and commands in; command, state and alarms out. All decisions are in lib/planning/control. */
export default defineNode({ type: "ev-control", start });

async function start(context: NodeContext): Promise<RunningNode> {
  const { readSettings } = await import("./control-settings.ts");
  const { decide } = await import("../../../lib/planning/control/control.ts");
  const { refuseCommand } = await import("../../../lib/planning/control/choice.ts");
  const { saveable, restore } = await import("../../../lib/planning/control/persist.ts");
  const { freshGridCurrents } = await import("../../../lib/planning/control/inputs.ts");
  const { describe, headroomRequest } = await import("../../../lib/planning/control/describe.ts");
  const { recordSchema } = await import("../../../lib/model/records.ts");
  const { readCommand } = await import("../../shared/read-command.ts");

  const site = await context.use<Site>(context.config.site, "ev-site");
  const { settings, priority, restoreMode } = readSettings(context.config, site.settings);
  const texts = createTexts(context);
  let state = restore(restoreMode ? await context.recall(SAVED) : undefined);
  let saved = JSON.stringify(saveable(state));

  const now = (): Timing => ({
    nowMs: context.clock.nowMs(),
    monotonicMs: context.clock.monotonicMs(),
  });

  function handle(happening: Happening): void {
    const event: ControlEvent = { ...happening, ...now() };
    const decision = decide(state, event, settings);
    state = decision.state;
    for (const action of decision.actions) perform(action);
    if (event.type !== "headroom") askForRoom(event);
    keepChoices();
  }

  function perform(action: ControlAction): void {
    if (action.type === "send") context.send([{ topic: context.name, payload: action.command }, null, null]);
    else if (action.type === "alarm") context.send([null, null, { topic: context.name, payload: texts.alarm(action) }]);
    else report();
  }

  function report(): void {
    const at = now();
    const record = texts.record(describe(state, at, settings), at.nowMs);
    texts.showStatus(record);
    context.send([null, recordMessage(record), null]);
  }

  function askForRoom(at: Timing): void {
    const onPhases = settings.chargerPhase === null ? {} : { onPhases: [settings.chargerPhase] };
    const request = { id: context.id, priority, ...onPhases, ...headroomRequest(state, at, settings) };
    member.update(request, freshGridCurrents(state.inputs, at.monotonicMs, settings));
  }

  function keepChoices(): void {
    if (!restoreMode) return;
    const toKeep = JSON.stringify(saveable(state));
    if (toKeep === saved) return;
    saved = toKeep;
    context.remember(SAVED, saveable(state)).catch((thrown: unknown) => context.logger.warn(String(thrown)));
  }

  const member = site.join((availableA) => handle({ type: "headroom", availableA }));
  context.onClose(() => member.leave());
  context.every(TICK_MS, () => handle({ type: "tick" }));
  handle({ type: "tick" });

  function obey(command: Command): void {
    const refusal = refuseCommand(command, state.inputs.chargerLimits?.maxDischargeA ?? null);
    if (refusal !== null) throw refusal;
    handle({ type: "command", command });
  }

  return {
    input(message: NodeMessage) {
      const reading = recordSchema.safeParse(message.payload);
      if (!reading.success) obey(readCommand(message, context.clock.nowMs()));
      else if (reading.data.kind === "meter") handle({ type: "meter", reading: reading.data });
      else if (reading.data.kind === "charger") handle({ type: "charger", reading: reading.data });
      else if (reading.data.kind === "plan") handle({ type: "plan", plan: reading.data });
    },
  };
}
