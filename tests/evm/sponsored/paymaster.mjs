// A paymaster's server for a chain and a bundler: node paymaster.mjs CHAIN_URL BUNDLER_URL.
// It deploys its contracts for each EntryPoint, deposits for them, and then listens on a free port.
import { paymaster } from "@pimlico/mock-paymaster";

const [anvilRpc, altoRpc] = process.argv.slice(2);
await paymaster({ anvilRpc, altoRpc, port: 0, host: "127.0.0.1" }).start();
