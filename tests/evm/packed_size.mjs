// Prints how many bytes Brotli makes of each line of hexadecimal digits in a file, at the level
// that Nitro uses.
//   node packed_size.mjs transactions.txt
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

const lines = readFileSync(process.argv[2], "utf8").trim().split("\n");
for (const line of lines) {
  const packed = brotliCompressSync(Buffer.from(line, "hex"), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 22 },
  });
  process.stdout.write(`${packed.length}\n`);
}
