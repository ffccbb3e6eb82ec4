// Compiles Balancer's V3 Vault and pools from the sources that its own packages carry, and
// contracts/V3Market.sol that drives them, and prints their creation code as a JSON object by name.
//   node compile_balancer_v3.mjs
// The packages carry no bytecode, and their deployed one comes of the other code generator, which
// takes minutes here: what it computes is the same.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
const packages = new URL("node_modules/", import.meta.url);
const at = (path) =>
  path === "V3Market.sol"
    ? new URL(`contracts/${path}`, import.meta.url)
    : new URL(path.replace(/^@openzeppelin\/contracts\//, "openzeppelin-contracts-5/"), packages);
const read = (path) => readFileSync(at(path), "utf8");

const wanted = {
  Vault: "@balancer-labs/v3-vault/contracts/Vault.sol",
  VaultAdmin: "@balancer-labs/v3-vault/contracts/VaultAdmin.sol",
  VaultExtension: "@balancer-labs/v3-vault/contracts/VaultExtension.sol",
  ProtocolFeeController: "@balancer-labs/v3-vault/contracts/ProtocolFeeController.sol",
  WeightedPool: "@balancer-labs/v3-pool-weighted/contracts/WeightedPool.sol",
  StablePool: "@balancer-labs/v3-pool-stable/contracts/StablePool.sol",
  V3Market: "V3Market.sol",
  V3Token: "V3Market.sol",
  V3Authorizer: "V3Market.sol",
  V3Rate: "V3Market.sol",
};
const code = "evm.bytecode.object";
const selection = {};
const sources = {};
for (const [name, file] of Object.entries(wanted)) {
  sources[file] = { content: read(file) };
  selection[file] = { ...selection[file], [name]: [code] };
}
const answer = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        optimizer: { enabled: true, runs: 500 },
        evmVersion: "cancun",
        outputSelection: selection,
      },
    }),
    {
      import: (path) => {
        try {
          return { contents: read(path) };
        } catch {
          return { error: `${path} is not there` };
        }
      },
    },
  ),
);
const errors = (answer.errors ?? []).filter(({ severity }) => severity === "error");
for (const { formattedMessage } of errors) process.stderr.write(formattedMessage);
if (errors.length !== 0) process.exit(1);
const codes = Object.entries(wanted).map(([name, file]) => [
  name,
  answer.contracts[file][name].evm.bytecode.object,
]);
process.stdout.write(JSON.stringify(Object.fromEntries(codes)));
