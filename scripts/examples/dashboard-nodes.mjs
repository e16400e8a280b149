/* The dashboard, its theme and its look: the same ids in every dashboard file of ours, so that a second import finds them. */
import { readFileSync } from "node:fs";

/** @typedef {import("./draw.mjs").FlowNode} FlowNode */

export const DASHBOARD_ID = "ev-ui-base";
export const THEME_ID = "ev-ui-theme";

/** @returns {FlowNode[]} */
export function sharedDashboardNodes() {
  return [
    {
      id: DASHBOARD_ID,
      type: "ui-base",
      name: "EV dashboard",
      path: "/dashboard",
      appIcon: "",
      includeClientData: true,
      // an answer goes only to the browser that asked; what carries no `_client` still goes to everybody
      acceptsClientConfig: ["ui-notification", "ui-control", "ui-template"],
      showPathInSidebar: false,
      headerContent: "page",
      navigationStyle: "none",
      titleBarStyle: "hidden",
      showReconnectNotification: false,
      notificationDisplayTime: 1,
      showDisconnectNotification: false,
      allowInstall: false,
    },
    {
      id: THEME_ID,
      type: "ui-theme",
      name: "EV, light and dark",
      colors: {
        surface: "#ffffff",
        primary: "#2563eb",
        bgPage: "#f3f5f8",
        groupBg: "#ffffff",
        groupOutline: "#d9dee5",
      },
      sizes: {
        density: "default",
        pagePadding: "12px",
        groupGap: "12px",
        groupBorderRadius: "14px",
        widgetGap: "16px",
      },
    },
  ];
}

/**
 * A page of ours: one column up to 959 px, then twelve.
 * @param {{ id: string, name: string, path: string, icon: string, order: number }} page
 * @returns {FlowNode}
 */
export function dashboardPage({ id, name, path, icon, order }) {
  return {
    id,
    type: "ui-page",
    name,
    ui: DASHBOARD_ID,
    path,
    icon,
    layout: "grid",
    theme: THEME_ID,
    breakpoints: [
      { name: "Phone", px: "0", cols: "4" },
      { name: "Desktop", px: "960", cols: "12" },
    ],
    order,
    className: "ev-page",
    visible: "false",
    disabled: "false",
  };
}

/**
 * @param {{ id: string, name: string, page: string, width: number, order: number, className?: string }} group
 * @returns {FlowNode}
 */
export function dashboardGroup({ id, name, page, width, order, className = "" }) {
  return {
    id,
    type: "ui-group",
    name,
    page,
    width: String(width),
    height: "1",
    order,
    showTitle: false,
    className,
    visible: "true",
    disabled: "false",
    groupType: "default",
  };
}

const template = {
  head: "",
  storeOutMessages: false,
  passthru: false,
  resendOnRefresh: true,
  className: "",
  width: "0",
  height: "0",
};

/**
 * The look of a page of ours, for the ui-template of type "page:style" that every page has.
 * @param {string} page id of the ui-page
 */
export function lookOf(page) {
  return {
    ...template,
    group: "",
    page,
    ui: "",
    name: "Look: colours, light, dark",
    order: 0,
    format: readFileSync(new URL("pages/look.css", import.meta.url), "utf8"),
    templateScope: "page:style",
  };
}

/**
 * A ui-template that is as wide as its group.
 * @param {{ name: string, group: FlowNode, order: number, format: string }} widget
 */
export function dashboardWidget({ name, group, order, format }) {
  const width = String(group.width);
  return { ...template, group: group.id, page: "", ui: "", name, order, width, format, templateScope: "local" };
}
