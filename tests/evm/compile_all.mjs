// Compiles contracts/NAME.sol and prints the creation code of all its contracts as a JSON object by
// their names. Not optimized: that takes twice as long.
//   node compile_all.mjs ExecutorMarket
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
const file = process.argv[2];
const content = readFileSync(new URL(`contracts/${file}.sol`, import.meta.url), "utf8");
const answer = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { [file]: { content } },
      settings: {
        evmVersion: "paris",
        outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
      },
    }),
  ),
);
for (const { formattedMessage } of answer.errors ?? []) process.stderr.write(formattedMessage);
if (!answer.contracts?.[file]) process.exit(1);
const codes = Object.entries(answer.contracts[file]).map(([name, contract]) => [
  name,
  contract.evm.bytecode.object,
]);
process.stdout.write(JSON.stringify(Object.fromEntries(codes)));
