/* Draws one tab of an example: nodes on a grid, groups around them. Pure. */

/** @typedef {{ id: string, type: string, [property: string]: unknown }} FlowNode */

const GRID = 20;
const NODE_HEIGHT = 30;
const GROUP_PADDING = { side: 20, top: 46, bottom: 22 };

/**
 * How wide the editor draws a node, from the widths of Arial's letters.
 * @param {FlowNode} node
 */
function widthOf(node) {
  if (node.type.startsWith("link ")) return NODE_HEIGHT;
  const label = String(node.name || node.type);
  const labelPx = label.split("").reduce((sumPx, letter) => sumPx + letterPx(letter), 0);
  const inputPx = ["inject", "comment", "catch"].includes(node.type) ? 0 : 7;
  return Math.max(100, GRID * Math.ceil((labelPx + 50 + inputPx) / GRID));
}

/** @param {string} letter */
function letterPx(letter) {
  if (/[ijl]/.test(letter)) return 3.1;
  if (/[ ftI.,:/]/.test(letter)) return 3.9;
  if (/[r()-]/.test(letter)) return 4.7;
  if (/[mwMW%]/.test(letter)) return 11.5;
  if (/[ckvxyzs]/.test(letter)) return 7;
  return /[A-Z]/.test(letter) ? 9.7 : 7.8;
}

/**
 * Starts a tab. `add` puts a node with its left edge and middle at [left, y], so that columns are straight; `group` draws a
 * box around nodes.
 * @param {{ id: string, label: string, info: string }} tab
 */
export function openTab({ id, label, info }) {
  /** @type {FlowNode[]} */
  const nodes = [];
  /** @type {FlowNode[]} */
  const groups = [];
  return {
    /**
     * @param {string} type
     * @param {string} nodeId
     * @param {readonly [number, number]} at
     * @param {Record<string, unknown>} properties
     * @param {readonly (readonly string[])[]} wires
     */
    add(type, nodeId, [left, y], properties = {}, wires = []) {
      const node = { id: nodeId, type, z: id, ...properties, x: left, y, wires };
      nodes.push({ ...node, x: left + widthOf(node) / 2 });
      return nodeId;
    },
    /**
     * @param {string} groupId
     * @param {string} name
     * @param {readonly string[]} nodeIds
     * @param {string} colour
     */
    group(groupId, name, nodeIds, colour = "#8ba3bf") {
      const members = nodes.filter((node) => nodeIds.includes(node.id));
      if (members.length !== nodeIds.length) throw new Error(`Group ${groupId} names a node that is not there.`);
      for (const member of members) member.g = groupId;
      const lefts = members.map((node) => Number(node.x) - widthOf(node) / 2);
      const rights = members.map((node) => Number(node.x) + widthOf(node) / 2);
      const ys = members.map((node) => Number(node.y));
      const left = Math.min(...lefts) - GROUP_PADDING.side;
      const top = Math.min(...ys) - GROUP_PADDING.top;
      const right = Math.max(...rights) + GROUP_PADDING.side;
      const bottom = Math.max(...ys) + GROUP_PADDING.bottom + GRID;
      groups.push({
        id: groupId,
        type: "group",
        z: id,
        name,
        style: { stroke: colour, fill: colour, "fill-opacity": "0.08", label: true, color: "#666666" },
        nodes: [...nodeIds],
        x: left,
        y: top,
        w: right - left,
        h: bottom - top,
      });
    },
    /** @returns {FlowNode[]} */
    close() {
      return [{ id, type: "tab", label, disabled: false, info, env: [] }, ...groups, ...nodes];
    },
  };
}

/**
 * A comment node: its name is what the flow shows, its info what a double click shows.
 * @param {ReturnType<typeof openTab>} tab
 * @param {string} id
 * @param {readonly [number, number]} at
 * @param {string} name
 * @param {string} info
 */
export function addComment(tab, id, at, name, info = "") {
  return tab.add("comment", id, at, { name, info });
}

/**
 * An inject node with one button and a JSON, text, number or empty payload.
 * @param {ReturnType<typeof openTab>} tab
 * @param {string} id
 * @param {readonly [number, number]} at
 * @param {string} name
 * @param {unknown} payload
 * @param {string} target
 * @param {Record<string, unknown>} more
 */
export function addInject(tab, id, at, name, payload, target, more = {}) {
  const payloadType = typeof payload === "string" ? "str" : typeof payload === "number" ? "num" : "json";
  return tab.add(
    "inject",
    id,
    at,
    {
      name,
      props: [{ p: "payload" }],
      repeat: "",
      crontab: "",
      once: false,
      onceDelay: 0.1,
      topic: "",
      payload: payloadType === "json" ? JSON.stringify(payload) : String(payload),
      payloadType,
      ...more,
    },
    [[target]],
  );
}

/**
 * A debug node that shows the payload in the sidebar.
 * @param {ReturnType<typeof openTab>} tab
 * @param {string} id
 * @param {readonly [number, number]} at
 * @param {string} name
 * @param {Record<string, unknown>} more
 */
export function addDebug(tab, id, at, name, more = {}) {
  return tab.add("debug", id, at, {
    name,
    active: true,
    tosidebar: true,
    console: false,
    tostatus: false,
    complete: "payload",
    targetType: "msg",
    statusVal: "",
    statusType: "auto",
    ...more,
  });
}
