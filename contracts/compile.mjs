// Compiles Executor.sol with the compiler that tests/evm pins, and prints what Executor.json holds:
//   node contracts/compile.mjs > contracts/Executor.json
// The bytecode depends on the source and the settings below alone: no metadata, no paths.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(new URL("../tests/evm/package.json", import.meta.url))("solc");
const name = "Executor.sol";
const settings = {
  evmVersion: "london",
  optimizer: { enabled: true, runs: 1000000 },
  viaIR: true,
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { Executor: ["abi", "evm.bytecode.object", "evm.methodIdentifiers"] } },
};
const content = readFileSync(new URL(name, import.meta.url), "utf8");
const input = { language: "Solidity", sources: { [name]: { content } }, settings };
const answer = JSON.parse(solc.compile(JSON.stringify(input)));
for (const { formattedMessage } of answer.errors ?? []) process.stderr.write(formattedMessage);
if (answer.errors?.length) process.exit(1);
const contract = answer.contracts[name].Executor;
const artefact = {
  contract: "Executor",
  compiler: solc.version(),
  settings,
  selectors: contract.evm.methodIdentifiers,
  abi: contract.abi,
  bytecode: "0x" + contract.evm.bytecode.object,
};
process.stdout.write(JSON.stringify(artefact, null, 2) + "\n");
