import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import iconv from "iconv-lite";
import { afterEach, beforeEach, describe, it } from "mocha";
import { EvError } from "../../../../lib/model/errors.ts";
import { type CsvFolder, openCsvFolder } from "../../../../lib/records/h2v-files/csv-folder.ts";
import type { CsvLayout, CsvLine } from "../../../../lib/records/h2v-files/h2v-layout.ts";
import type { FileEncoding } from "../../../../lib/records/h2v-files/text-encoding.ts";

const HEADER = '"最新電力情報の時刻","本日"';
const line = (minute: string): CsvLine => ({ month: "202502", header: HEADER, row: `"${minute}",1`, minute });
const FIRST = line("2025/02/20 11:09");
const SECOND = line("2025/02/20 11:10");

describe("a folder of monthly files", () => {
  let folder = "";
  let torn: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-h2v-"));
    torn = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const open = (encoding: FileEncoding = "utf-8", layout: CsvLayout = "compatible"): CsvFolder =>
    openCsvFolder({ folder, layout, encoding, onTorn: (file) => torn.push(file) });
  const path = (): string => join(folder, "202502h2vmgr-rawd.csv");
  const content = (): string => readFileSync(path(), "utf8");

  it("begins a file with a header and goes on without one, also after a restart", async () => {
    await open().append("202502", [FIRST]);
    await open().append("202502", [SECOND]);
    assert.equal(content(), `${HEADER}\n${FIRST.row}\n${SECOND.row}\n`);
  });

  it("writes no minute twice, neither in one call nor after a restart", async () => {
    assert.equal(await open().append("202502", [FIRST, FIRST]), 1);
    assert.equal(await open().append("202502", [FIRST]), 0);
    assert.equal(content(), `${HEADER}\n${FIRST.row}\n`);
  });

  it("gives lines without a minute no header and lets them repeat", async () => {
    const placeholder: CsvLine = { month: "197001", header: null, row: '"1970/01/01 00:00","x"', minute: null };
    const folderNow = open();
    await folderNow.append("197001", [placeholder]);
    await folderNow.append("197001", [placeholder]);
    assert.equal(
      readFileSync(join(folder, "197001h2vmgr-rawd.csv"), "utf8"),
      `${placeholder.row}\n${placeholder.row}\n`,
    );
  });

  for (const encoding of ["utf-8", "euc-jp", "shift_jis"] as const) {
    it(`goes on in the encoding of the file, whatever is set: ${encoding}`, async () => {
      writeFileSync(path(), iconv.encode(`${HEADER}\r\n${FIRST.row}\r\n`, encoding));
      const other = encoding === "utf-8" ? "shift_jis" : "utf-8";
      assert.deepEqual(await open(other).styleOf("202502"), { layout: "compatible", encoding, lineEnd: "\r\n" });
      await open(other).append("202502", [SECOND]);
      assert.equal(iconv.decode(readFileSync(path()), encoding), `${HEADER}\r\n${FIRST.row}\r\n${SECOND.row}\r\n`);
    });
  }

  it("begins a file in the encoding that is set", async () => {
    await open("shift_jis").append("202502", [FIRST]);
    assert.deepEqual(readFileSync(path()), iconv.encode(`${HEADER}\n${FIRST.row}\n`, "shift_jis"));
  });

  it("keeps the layout of a file that was begun in another one", async () => {
    writeFileSync(path(), `${HEADER}\n`);
    assert.equal((await open("utf-8", "corrected").styleOf("202502")).layout, "compatible");
    writeFileSync(path(), `${HEADER},"リレー状態"\n`);
    assert.equal((await open("utf-8", "compatible").styleOf("202502")).layout, "corrected");
  });

  it("leaves a torn last line as it is, says so, and begins a new line", async () => {
    const before = `${HEADER}\n"2025/02/20 11:0`;
    writeFileSync(path(), before);
    await open().append("202502", [SECOND]);
    assert.equal(content(), `${before}\n${SECOND.row}\n`);
    assert.deepEqual(torn, ["202502h2vmgr-rawd.csv"]);
  });

  it("writes a minute again whose line was torn, and not one whose line only lacks its end", async () => {
    const before = `${HEADER}\n${FIRST.row}\n`;
    writeFileSync(path(), `${before}"2025/02/20 11:10",`);
    assert.equal(await open().append("202502", [FIRST, SECOND]), 1);
    assert.equal(content(), `${before}"2025/02/20 11:10",\n${SECOND.row}\n`);
    writeFileSync(path(), `${before}${SECOND.row}`);
    assert.equal(await open().append("202502", [SECOND, line("2025/02/20 11:11")]), 1);
    assert.equal(content(), `${before}${SECOND.row}\n"2025/02/20 11:11",1\n`);
  });

  it("says `io` when the folder cannot be written, and writes the same lines when it can", async function () {
    mkdirSync(path());
    const folderNow = open();
    await assert.rejects(
      folderNow.append("202502", [FIRST]),
      (thrown) => thrown instanceof EvError && thrown.code === "io",
    );
    rmSync(path(), { recursive: true });
    await folderNow.append("202502", [FIRST]);
    assert.equal(content(), `${HEADER}\n${FIRST.row}\n`);
    chmodSync(path(), 0o644);
  });

  it("writes a placeholder of one minute once, also after a restart, and all of other minutes", async () => {
    const placeholder = (stamp: string): CsvLine => ({
      month: "197001",
      header: null,
      row: `"1970/01/01 00:00",0,"1970/01/01 09:00","${stamp}"`,
      minute: stamp,
    });
    const [first, second] = [placeholder("202502201109"), placeholder("202502201110")];
    await open().append("197001", [first, first]);
    await open().append("197001", [first, second]);
    assert.equal(readFileSync(join(folder, "197001h2vmgr-rawd.csv"), "utf8"), `${first.row}\n${second.row}\n`);
  });

  it("begins a new line behind what a disk took that became full in the middle of a line", async () => {
    const folderNow = open();
    await folderNow.append("202502", [FIRST]);
    const handle = await openFile(path(), "r");
    const prototype = Object.getPrototypeOf(handle) as { appendFile: (bytes: Buffer) => Promise<void> };
    await handle.close();
    const { appendFile } = prototype;
    prototype.appendFile = async function (this: unknown, bytes: Buffer): Promise<void> {
      await appendFile.call(this, bytes.subarray(0, 9));
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    };
    try {
      await assert.rejects(
        folderNow.append("202502", [SECOND]),
        (thrown) => thrown instanceof EvError && thrown.code === "io",
      );
    } finally {
      prototype.appendFile = appendFile;
    }
    assert.equal(await folderNow.append("202502", [SECOND]), 1);
    assert.equal(content(), `${HEADER}\n${FIRST.row}\n${SECOND.row.slice(0, 9)}\n${SECOND.row}\n`);
    assert.equal(torn.length, 1);
  });

  it("makes the folder when it does not exist", async () => {
    folder = join(folder, "a", "b");
    await open().append("202502", [FIRST]);
    assert.equal(content(), `${HEADER}\n${FIRST.row}\n`);
    folder = join(folder, "..", "..");
  });
});
