/*
 * An RFC 4180 reader for tests, written from the RFC's grammar and sharing nothing with our writer.
 */

/** Records of fields; a byte order mark in front is skipped. */
export function parseCsv(file: string, separator: string): string[][] {
  const text = file.startsWith("\uFEFF") ? file.slice(1) : file;
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length) {
    let field = "";
    if (text[at] === '"') {
      at += 1;
      for (;;) {
        const quote = text.indexOf('"', at);
        if (quote < 0) throw new Error(`a quoted field does not end, from ${at}`);
        field += text.slice(at, quote);
        at = quote + 1;
        if (text[at] !== '"') break;
        field += '"';
        at += 1;
      }
    } else {
      const begin = at;
      while (at < text.length && text[at] !== separator && text[at] !== "\r") {
        if (text[at] === '"' || text[at] === "\n") throw new Error(`a bare ${JSON.stringify(text[at])} at ${at}`);
        at += 1;
      }
      field = text.slice(begin, at);
    }
    record.push(field);
    if (text[at] === separator) {
      at += 1;
    } else if (text.startsWith("\r\n", at)) {
      at += 2;
      records.push(record);
      record = [];
    } else throw new Error(`neither separator nor line end at ${at}: ${JSON.stringify(text.slice(at, at + 10))}`);
  }
  if (record.length > 0) throw new Error("the last record does not end");
  return records;
}
