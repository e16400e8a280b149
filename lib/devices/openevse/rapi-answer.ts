import { RAPI_ENERGY, RAPI_STATE } from "./orders.ts";

/*
 * Whether an answer of the controller can be one to a question (fact sheet openevse-h2v-sessions 6.1). Over MQTT the answers of
 * all who ask come on one topic, and none says to what. Pure.
 */

/** @param question for example `$SC 16 V` @param answer as it came, with or without a checksum */
export function fitsQuestion(question: string, answer: string): boolean {
  const plain = checkedText(answer);
  if (plain === null) return false;
  const [word = "", ...fields] = plain
    .replace(/ :[0-9A-Fa-f]{2}$/, "")
    .trim()
    .split(/ +/);
  if (word === "$NK") return true;
  return word === "$OK" && fitsFields(question, fields);
}

function fitsFields(question: string, fields: readonly string[]): boolean {
  const command = question.slice(0, 3);
  if (command === RAPI_STATE) return fields.length >= 3;
  if (command === RAPI_ENERGY) return fields.length === 2 && areNumbers(fields);
  if (command === "$SC") return fields.length <= 1 && areNumbers(fields);
  if (command.startsWith("$F")) return fields.length === 0;
  return !command.startsWith("$G") || fields.length > 0;
}

const areNumbers = (fields: readonly string[]): boolean => fields.every((field) => /^\d{1,10}$/.test(field));

/** The answer without its checksum; null when that is wrong. */
function checkedText(answer: string): string | null {
  const { text = answer, kind, sum } = /^(?<text>.*)(?<kind>[\^*])(?<sum>[0-9A-Fa-f]{2})$/.exec(answer)?.groups ?? {};
  if (sum === undefined) return text;
  const bytes = [...Buffer.from(text, "latin1")];
  const expected =
    kind === "^" ? bytes.reduce((xor, byte) => xor ^ byte, 0) : bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
  return expected === Number.parseInt(sum, 16) ? text : null;
}
