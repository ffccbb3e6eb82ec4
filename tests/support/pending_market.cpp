#include "support/pending_market.hpp"

#include <algorithm>
#include <stdexcept>

#include "host/base/keccak.hpp"
#include "host/recording/writer.hpp"

namespace gantry::test {

using namespace gantry::host;

namespace {

constexpr char factory_text[] = "0x00000000000000000000000000000000000000fa";
constexpr char router_text[] = "0x000000000000000000000000000000000000020a";
constexpr std::uint8_t factory_last = 0xfa;
constexpr char code_hash_text[] =
    "0x5555555555555555555555555555555555555555555555555555555555555555";

// CREATE2 of the two tokens, the lower first.
gantry_address pair_of(const gantry_address& a, const gantry_address& b) {
  const bool in_order = std::lexicographical_compare(a.bytes, a.bytes + 20, b.bytes, b.bytes + 20);
  std::vector<std::uint8_t> salt((in_order ? a : b).bytes, (in_order ? a : b).bytes + 20);
  salt.insert(salt.end(), (in_order ? b : a).bytes, (in_order ? b : a).bytes + 20);
  const auto hashed = keccak_of(salt);
  std::vector<std::uint8_t> all(21, 0);
  all[0] = 0xff;
  all[20] = factory_last;
  all.insert(all.end(), hashed.begin(), hashed.end());
  all.insert(all.end(), 32, 0x55);
  const auto whole = keccak_of(all);
  gantry_address out{GANTRY_ADDRESS_EVM, 20, {}, {}};
  std::copy_n(whole.begin() + 12, 20, out.bytes);
  return out;
}

void put_word(recording::Bytes& bytes, const Integer& value) {
  for (int shift = 248; shift >= 0; shift -= 8) {
    bytes.push_back(((value >> shift) & 0xff).convert_to<std::uint8_t>());
  }
}

std::array<std::uint8_t, 32> hash_of(std::uint64_t number) {
  std::array<std::uint8_t, 32> hash{};
  for (std::size_t i = 0; i < 8; ++i) hash[i] = static_cast<std::uint8_t>(number >> (8 * i));
  hash[31] = 1;
  return hash;
}

Integer whole(const gantry_address& address) {
  Integer value = 0;
  for (int i = 0; i < 20; ++i) value = (value << 8) | address.bytes[i];
  return value;
}

}  // namespace

std::vector<BlockInput> pending_inputs(std::uint32_t tokens, const std::vector<SmallPool>& pools,
                                       const std::vector<std::vector<SmallUpdate>>& blocks) {
  auto inputs = market_inputs(tokens, pools, blocks);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (pools[i].venue != "uniswap_v2") continue;
    const auto address = pair_of(inputs[0].tokens.at(pools[i].token0).address,
                                 inputs[0].tokens.at(pools[i].token1).address);
    inputs[0].pools[i].address = address;
    for (BlockInput& input : inputs) {
      for (auto& fact : input.facts) {
        if (fact.pool == i) fact.source = address;
      }
    }
  }
  return inputs;
}

void add_pending(std::vector<BlockInput>& inputs, std::size_t block, const RouterCall& call,
                 std::uint64_t number) {
  PendingTransaction transaction;
  transaction.hash = hash_of(number);
  transaction.from = {GANTRY_ADDRESS_EVM, 20, {}, {}};
  transaction.from.bytes[19] = 0x77;
  transaction.to = {GANTRY_ADDRESS_EVM, 20, {}, {}};
  transaction.to.bytes[18] = 0x02;
  transaction.to.bytes[19] = 0x0a;
  transaction.gas_price = u256(call.gas_price_gwei * 1'000'000'000);
  transaction.gas_tip = u256(1'000'000'000);
  transaction.nonce = number;
  auto& input = transaction.input;
  const auto selector = selector_of(
      call.exact_in ? "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
                    : "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)");
  input.assign(selector.begin(), selector.end());
  put_word(input, call.exact_in ? call.amount_in : call.amount_out);
  put_word(input, call.exact_in ? call.amount_out : call.amount_in);
  put_word(input, 0xa0);
  put_word(input, 0x77);
  put_word(input, call.deadline_s);
  put_word(input, call.path.size());
  for (const std::uint32_t token : call.path) {
    put_word(input, whole(inputs[0].tokens.at(token).address));
  }
  inputs.at(block).events.push_back({MarketEventKind::pending, 0, 0, {}, encode(transaction)});
}

void add_mined(std::vector<BlockInput>& inputs, std::size_t block, std::uint64_t number) {
  const auto hash = hash_of(number);
  inputs.at(block).events.push_back(
      {MarketEventKind::mined, 0, 0, {}, recording::Bytes(hash.begin(), hash.end())});
}

void write_inputs(const std::filesystem::path& file, const std::vector<BlockInput>& inputs) {
  auto writer = RecordingWriter::create(file, {3, 1024});
  const auto must = [](const auto& done) {
    if (!done) throw std::runtime_error("a test's recording: " + done.error().message);
  };
  must(writer);
  must(writer->append(recording::Header{recording::format_version, "eip155:1", "A test's market.",
                                        "gantry tests"}));
  for (const BlockInput& input : inputs) {
    for (const auto& token : input.tokens) must(writer->append(token));
    for (const auto& pool : input.pools) must(writer->append(pool));
    for (const auto& event : input.events) must(writer->append(encode(event)));
    must(writer->append(input.block));
    for (const auto& fact : input.facts) must(writer->append(fact));
  }
  must(writer->finish());
}

std::string pending_dex_toml() {
  return std::string("[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\nfactory = \"") +
         factory_text + "\"\ninit_code_hash = \"" + code_hash_text + "\"\npending_routers = \"" +
         router_text +
         "\"\n[[dex]]\nname = \"other\"\nplugin = \"uniswap_v2\"\nmin_liquidity_usd = 0\n";
}

}  // namespace gantry::test
