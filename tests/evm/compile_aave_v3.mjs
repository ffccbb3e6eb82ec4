// Compiles today's Aave V3 from the sources that its own package carries, and prints what
// aave_v3_contracts.cpp deploys as a JSON object by name: {"bytecode", "linkReferences"}.
//   node compile_aave_v3.mjs [FOLDER]
// FOLDER is another release's, with its src/; contracts that it has not got are left out. Compiled
// once: what comes out is kept in node_modules/.compiled/, by the hash of all that went in.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = new URL("node_modules/", import.meta.url);
const root = process.argv[2]
  ? pathToFileURL(`${process.argv[2]}/`)
  : new URL("@aave-dao/aave-v3-origin/", packages);
const library = /^openzeppelin-contracts\/contracts\//;
const at = (path) =>
  path.startsWith("src/")
    ? new URL(path, root)
    : new URL(path.replace(library, "openzeppelin-contracts-5/"), packages);

const contracts = {
  ACLManager: "protocol/configuration/ACLManager.sol",
  ATokenInstance: "instances/ATokenInstance.sol",
  DefaultReserveInterestRateStrategyV2: "misc/DefaultReserveInterestRateStrategyV2.sol",
  PoolAddressesProvider: "protocol/configuration/PoolAddressesProvider.sol",
  PoolConfiguratorInstance: "instances/PoolConfiguratorInstance.sol",
  PoolInstance: "instances/PoolInstance.sol",
  PriceOracle: "mocks/oracle/PriceOracle.sol",
  PriceOracleSentinel: "misc/PriceOracleSentinel.sol",
  SequencerOracle: "mocks/oracle/SequencerOracle.sol",
  VariableDebtTokenInstance: "instances/VariableDebtTokenInstance.sol",
};

// All sources that these name, so that the compiler asks for none, and their hash.
const sources = {};
const add = (path) => {
  if (sources[path]) return;
  const content = readFileSync(at(path), "utf8");
  sources[path] = { content };
  for (const [, name] of content.matchAll(/^\s*import\s+(?:[^'";]*\sfrom\s+)?['"]([^'"]+)['"]/gm)) {
    const resolved = new URL(name, `file:///${path}`).pathname.slice(1).replaceAll("//", "/");
    add(name.startsWith(".") ? resolved : name);
  }
};
for (const file of Object.values(contracts)) {
  if (existsSync(at(`src/contracts/${file}`))) add(`src/contracts/${file}`);
}
const input = JSON.stringify({
  language: "Solidity",
  sources,
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "shanghai",
    metadata: { bytecodeHash: "none" },
    outputSelection: { "*": { "*": ["evm.bytecode.object", "evm.bytecode.linkReferences"] } },
  },
});
const require = createRequire(import.meta.url);
const compiler = "solc-0.8.27";
const hash = createHash("sha256");
hash.update(`${compiler}\n${JSON.stringify(contracts)}\n${input}`);
const kept = new URL(`.compiled/aave_v3_${hash.digest("hex").slice(0, 16)}.json`, packages);

function compiled() {
  const answer = JSON.parse(require(compiler).compile(input));
  const errors = (answer.errors ?? []).filter(({ severity }) => severity === "error");
  for (const { formattedMessage } of errors) process.stderr.write(formattedMessage);
  if (errors.length !== 0) process.exit(1);
  const out = {};
  const take = (file, name) => {
    if (out[name]) return;
    const { object, linkReferences } = answer.contracts[file][name].evm.bytecode;
    out[name] = { bytecode: `0x${object}`, linkReferences };
    for (const [source, names] of Object.entries(linkReferences)) {
      for (const library of Object.keys(names)) take(source, library);
    }
  };
  for (const [name, file] of Object.entries(contracts)) {
    if (answer.contracts[`src/contracts/${file}`]) take(`src/contracts/${file}`, name);
  }
  return JSON.stringify(out);
}

if (!existsSync(kept)) {
  mkdirSync(new URL(".compiled/", packages), { recursive: true });
  const draft = new URL(`${kept.href}.${process.pid}`);
  writeFileSync(draft, compiled());
  renameSync(draft, kept);
}
process.stdout.write(readFileSync(kept, "utf8"));
