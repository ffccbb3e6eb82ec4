// Keystores as ethers reads and writes them. The password is in KEYSTORE_PASSWORD.
//   node keystore.mjs read FILE       prints the private key
//   node keystore.mjs write KEY N     prints a keystore of it, with scrypt's N
import { readFileSync } from "node:fs";
import { Wallet, decryptKeystoreJson, encryptKeystoreJson } from "ethers";

const [, , action, subject, n] = process.argv;
const password = process.env.KEYSTORE_PASSWORD;
if (action === "read") {
  const account = await decryptKeystoreJson(readFileSync(subject, "utf8"), password);
  process.stdout.write(account.privateKey + "\n");
} else {
  const wallet = new Wallet(subject);
  const scrypt = { N: Number(n), r: 8, p: 1 };
  process.stdout.write((await encryptKeystoreJson(wallet, password, { scrypt })) + "\n");
}
