// Compiles the factory and pair of a fork of Uniswap V2, with the compiler and the settings of its
// exchange, and prints their creation code as a JSON object.
//   node compile_v2_fork.mjs SushiSwap
// SushiSwap's package carries its sources. No package carries PancakeSwap V2's: they are those of
// the first PancakeSwap, whose package there is, with the lines that differ put in here.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { posix } from "node:path";

const require = createRequire(import.meta.url);
const packages = new URL("node_modules/", import.meta.url);

// What PancakeSwap V2 changed: the fee, and the protocol's share of it.
const changes = [
  ["balance0.mul(1000).sub(amount0In.mul(2))", "balance0.mul(10000).sub(amount0In.mul(25))"],
  ["balance1.mul(1000).sub(amount1In.mul(2))", "balance1.mul(10000).sub(amount1In.mul(25))"],
  ["mul(1000**2)", "mul(10000**2)"],
  ["totalSupply.mul(rootK.sub(rootKLast))", "totalSupply.mul(rootK.sub(rootKLast)).mul(8)"],
  ["rootK.mul(3).add(rootKLast)", "rootK.mul(17).add(rootKLast.mul(8))"],
];
const forks = {
  SushiSwap: {
    folder: "@sushiswap/core/contracts/uniswapv2/",
    prefix: "UniswapV2",
    compiler: "solc-0.6",
    runs: 200,
    changed: {},
  },
  PancakeSwapV2: {
    folder: "@pancakeswap-libs/pancake-swap-core/contracts/",
    prefix: "Pancake",
    compiler: "solc-0.5",
    runs: 99999,
    changed: { "PancakePair.sol": changes },
  },
};
const fork = forks[process.argv[2]];

function read(file) {
  let text = readFileSync(new URL(fork.folder + file, packages), "utf8");
  for (const [from, to] of fork.changed[file] ?? []) {
    if (text.split(from).length !== 2) throw new Error(`${file} does not have ${from} once`);
    text = text.replace(from, to);
  }
  return text;
}

const file = `${fork.prefix}Factory.sol`;
const answer = JSON.parse(
  require(fork.compiler).compile(
    JSON.stringify({
      language: "Solidity",
      sources: { [file]: { content: read(file) } },
      settings: {
        optimizer: { enabled: true, runs: fork.runs },
        outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
      },
    }),
    { import: (path) => ({ contents: read(posix.normalize(path)) }) },
  ),
);
const errors = (answer.errors ?? []).filter(({ severity }) => severity === "error");
if (errors.length !== 0) throw new Error(errors[0].formattedMessage);
const code = (contract) => answer.contracts[`${contract}.sol`][contract].evm.bytecode.object;
process.stdout.write(
  JSON.stringify({ factory: code(`${fork.prefix}Factory`), pair: code(`${fork.prefix}Pair`) }),
);
