import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { formatG, pythonFloat } from "../../../../lib/records/report/python-numbers.ts";

/** What Python 3 printed: number, format(x, "8g"), str(x). */
const PRINTED: readonly (readonly [number, string, string])[] = [
  [653.023, " 653.023", "653.023"],
  [1000.125, " 1000.12", "1000.125"],
  [1000.135, " 1000.13", "1000.135"],
  [0.0, "       0", "0.0"],
  [1234567.0, "1.23457e+06", "1234567.0"],
  [1e6, "   1e+06", "1000000.0"],
  [999999.5, "   1e+06", "999999.5"],
  [999999.49, "  999999", "999999.49"],
  [0.0001, "  0.0001", "0.0001"],
  [0.00001, "   1e-05", "1e-05"],
  [5e-5, "   5e-05", "5e-05"],
  [21.0, "      21", "21.0"],
  [21.29235, " 21.2923", "21.29235"],
  [123456.5, "  123456", "123456.5"],
  [123457.5, "  123458", "123457.5"],
  [2.5, "     2.5", "2.5"],
  [0.5, "     0.5", "0.5"],
  [1e16, "   1e+16", "1e+16"],
  [1e15, "   1e+15", "1000000000000000.0"],
  [123456789012345680.0, "1.23457e+17", "1.2345678901234568e+17"],
  [0.1, "     0.1", "0.1"],
  [1e-7, "   1e-07", "1e-07"],
  [-1000.125, "-1000.12", "-1000.125"],
  [-0.0, "      -0", "-0.0"],
  [99999.95, " 99999.9", "99999.95"],
  [100000.5, "  100000", "100000.5"],
  [100001.5, "  100002", "100001.5"],
  [3.0000005, "       3", "3.0000005"],
  [1e22, "   1e+22", "1e+22"],
  [1e300, "  1e+300", "1e+300"],
  [5e-324, "4.94066e-324", "5e-324"],
  [0.000123456, "0.000123456", "0.000123456"],
  [1000.375, " 1000.38", "1000.375"],
];

describe("numbers as Python prints them", () => {
  it("are the same as Python's own", () => {
    for (const [x, general, text] of PRINTED) {
      assert.equal(formatG(x, 8), general, `8g of ${x}`);
      assert.equal(pythonFloat(x), text, `str of ${x}`);
    }
  });

  it("names what is no finite number", () => {
    assert.deepEqual([Number.NaN, Infinity, -Infinity].map(pythonFloat), ["nan", "inf", "-inf"]);
    assert.equal(formatG(Number.NaN, 8), "     nan");
  });

  it("reads back as the same number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        assert.ok(Object.is(Number(pythonFloat(x)), x), pythonFloat(x));
      }),
    );
  });

  it("never strays further than half of the sixth digit", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: 1e-300, max: 1e300 }), (x) => {
        assert.ok(Math.abs(Number(formatG(x)) - x) <= x * 5.01e-6, formatG(x));
      }),
    );
  });
});
