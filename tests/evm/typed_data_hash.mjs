// Prints viem's EIP-712 hash of each line of a file, which is typed data as JSON.
//   node typed_data_hash.mjs FILE
import { readFileSync } from "node:fs";
import { hashTypedData } from "viem";

for (const line of readFileSync(process.argv[2], "utf8").trim().split("\n")) {
  process.stdout.write(hashTypedData(JSON.parse(line)) + "\n");
}
