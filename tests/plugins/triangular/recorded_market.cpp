#include "plugins/triangular/recorded_market.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "gantry/u256.hpp"
#include "host/recording/reader.hpp"

namespace recorded {
namespace {

namespace recording = gantry::host::recording;

constexpr std::array<std::uint8_t, 20> kWeth = {0xc0, 0x2a, 0xaa, 0x39, 0xb2, 0x23, 0xfe,
                                                0x8d, 0x0a, 0x0e, 0x5c, 0x4f, 0x27, 0xea,
                                                0xd9, 0x08, 0x3c, 0x75, 0x6c, 0xc2};
constexpr std::size_t kReservesBytes = 96;  // getReserves(): reserve0, reserve1, time

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(GANTRY_RECORDING ": " + what);
}

}  // namespace

// The state of every pair in the first block: what was read from the chain.
Market load() {
  auto reader = gantry::host::RecordingReader::open(GANTRY_RECORDING);
  if (!reader) fail(reader.error().message);
  Market market;
  std::vector<Pair> pairs;
  for (std::size_t blocks = 0; blocks < 2;) {
    auto record = reader->next();
    if (!record) fail(record.error().message);
    if (!record->has_value()) break;
    if (const auto* token = std::get_if<recording::Token>(&**record)) {
      if (std::equal(kWeth.begin(), kWeth.end(), token->address.bytes)) {
        market.weth = market.token_count;
      }
      ++market.token_count;
    } else if (const auto* pool = std::get_if<recording::Pool>(&**record)) {
      if (pool->tokens.size() != 2) fail("a pool is not a pair");
      pairs.push_back({pool->tokens[0], pool->tokens[1], "0", "0"});
    } else if (std::holds_alternative<recording::Block>(**record)) {
      ++blocks;
    } else if (const auto* fact = std::get_if<recording::Fact>(&**record)) {
      if (fact->kind != recording::FactKind::evm_call || fact->data.size() != kReservesBytes) {
        continue;
      }
      if (fact->pool >= pairs.size()) fail("a fact is of no pool");
      pairs[fact->pool].reserve0 = gantry::to_string(gantry::load_be(fact->data.data()));
      pairs[fact->pool].reserve1 = gantry::to_string(gantry::load_be(fact->data.data() + 32));
    }
  }
  for (const Pair& pair : pairs) {
    if (pair.reserve0 != "0" && pair.reserve1 != "0") market.pairs.push_back(pair);
  }
  return market;
}

}  // namespace recorded
