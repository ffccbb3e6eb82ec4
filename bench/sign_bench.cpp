// A planned transaction to signed bytes, and what of that is the signature itself.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "host/sign/signer.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::host::sign;
using gantry::u256;

constexpr std::size_t count = 4096;
constexpr std::size_t bytes_of_swap = 260;  // swapExactTokensForTokens with a path of three

SecretBytes bench_key() {
  SecretBytes key(32);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i + 1);
  return key;
}

std::vector<Transaction> transactions() {
  std::mt19937_64 random(4096);
  std::vector<Transaction> out(count);
  for (Transaction& transaction : out) {
    transaction.chain_id = 1;
    transaction.nonce = random() % 100'000;
    transaction.max_priority_fee = u256(random() % 3'000'000'000U);
    transaction.max_fee = u256(3'000'000'000U + random() % 97'000'000'000U);
    transaction.gas_limit = 100'000 + random() % 900'000;
    EvmAddress& to = transaction.to.emplace();
    for (std::uint8_t& byte : to) byte = static_cast<std::uint8_t>(random());
    transaction.value = u256(random());
    transaction.data.resize(bytes_of_swap);
    for (std::uint8_t& byte : transaction.data) byte = static_cast<std::uint8_t>(random());
  }
  return out;
}

// libsecp256k1 alone: one hash signed.
void sign_hash(benchmark::State& state) {
  const Curve curve = Curve::make(system_random()).value();
  const SecretBytes key = bench_key();
  std::vector<Hash32> hashes;
  for (const Transaction& transaction : transactions()) hashes.push_back(signing_hash(transaction));
  std::size_t next = 0;
  Signature made;
  for (auto _ : state) {
    made = curve.sign(key, hashes[next]);
    benchmark::DoNotOptimize(made);
    next = (next + 1) % count;
  }
  const auto whose = curve.recover(hashes[(next + count - 1) % count], made);
  if (!whose || *whose != curve.address_of(key)) state.SkipWithError("another's signature");
}
BENCHMARK(sign_hash);

// Encoding, both hashes and the signature.
void sign_transaction(benchmark::State& state) {
  const auto signer = make_local_signer(bench_key(), Curve::make(system_random()).value()).value();
  const std::vector<Transaction> all = transactions();
  std::vector<std::uint8_t> buffer(1024);
  std::size_t next = 0;
  SignedTransaction made;
  for (auto _ : state) {
    made = signer->sign(all[next], buffer).value();
    benchmark::DoNotOptimize(made);
    next = (next + 1) % count;
  }
  const auto decoded = decode_transaction(made.bytes);
  const Curve curve = Curve::make(system_random()).value();
  if (!decoded || decoded->transaction != all[(next + count - 1) % count] ||
      decoded->hash != made.hash || sender_of(*decoded, curve).value() != signer->address()) {
    state.SkipWithError("another transaction, or another's signature");
  }
}
BENCHMARK(sign_transaction);

}  // namespace
