/** Makes a Node-RED user directory that knows our package: for `npm start`, for tests and for benches. */
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Makes the folder with settings.cjs, a secret for its credentials and links to the given packages.
 * @param {string} directory
 * @param {{ port: number, packages?: Readonly<Record<string, string>> }} options packages: name -> folder to link to
 */
export function makeUserDirectory(directory, { port, packages = {} }) {
  mkdirSync(directory, { recursive: true });
  const manifest = join(directory, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "name": "user-directory", "private": true }\n');
  const secret = join(directory, "credential-secret");
  if (!existsSync(secret)) writeFileSync(secret, randomBytes(32).toString("hex"), { mode: 0o600 });
  writeFileSync(join(directory, "settings.cjs"), settingsText(port));
  for (const [name, target] of Object.entries(packages)) linkPackage(join(directory, "node_modules", name), target);
}

/**
 * @param {string} link
 * @param {string} target
 */
function linkPackage(link, target) {
  if (existsSync(link) && realpathSync(link) === realpathSync(target)) return;
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link, { recursive: true });
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(target, link, "junction");
}

/**
 * Listens on this machine only, calls nobody, and keeps secrets encrypted.
 * @param {number} port
 */
function settingsText(port) {
  return `"use strict";
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

// Whoever started this Node-RED is gone: do not stay behind.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));

module.exports = {
  uiHost: "127.0.0.1",
  uiPort: ${port},
  flowFile: "flows.json",
  flowFilePretty: true,
  credentialSecret: readFileSync(join(__dirname, "credential-secret"), "utf8"),
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false },
  // No palette manager: its catalogue would be fetched from the internet whenever the editor opens.
  externalModules: { palette: { allowInstall: false } },
  logging: { console: { level: "info", metrics: false, audit: false } },
};
`;
}
