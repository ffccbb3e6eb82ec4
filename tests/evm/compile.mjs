// Compiles one of contracts/*.sol and prints its creation code in hexadecimal.
//   node compile.mjs OddToken
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
const name = process.argv[2];
const content = readFileSync(new URL(`contracts/${name}.sol`, import.meta.url), "utf8");
const answer = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { [name]: { content } },
      settings: {
        optimizer: { enabled: true, runs: 200 },
        evmVersion: "paris",
        outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
      },
    }),
  ),
);
for (const { formattedMessage } of answer.errors ?? []) process.stderr.write(formattedMessage);
const contract = answer.contracts?.[name]?.[name];
if (!contract) process.exit(1);
process.stdout.write(contract.evm.bytecode.object);
