#include "support/market.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "host/recording/reader.hpp"

namespace gantry::test {

using namespace gantry::host::recording;

namespace {

std::string hex(const gantry_address& address) {
  std::string text = "0x";
  for (std::size_t i = 0; i < address.length; ++i) text += fmt::format("{:02x}", address.bytes[i]);
  return text;
}

void expect(bool is_so, const char* what) {
  if (!is_so) throw std::runtime_error(fmt::format("the shipped market: {}", what));
}

struct Load {
  Market& market;
  std::uint64_t block = 0;
  std::uint64_t time_s = 0;

  void operator()(const Header& header) { market.header = header; }
  void operator()(const Token& token) {
    market.tokens.push_back({token.symbol, hex(token.address), token.decimals});
  }
  void operator()(const Pool& pool) {
    expect(pool.venue == "uniswap_v2" && pool.tokens.size() == 2, "a pool is no V2 pair");
    market.pools.push_back({hex(pool.address), {pool.tokens[0], pool.tokens[1]}, {}});
  }
  void operator()(const Block& opened) {
    block = opened.number;
    time_s = opened.time_s;
    market.blocks.push_back(block);
  }
  void operator()(const Fact& fact) {
    expect(fact.pool < market.pools.size(), "a fact is of no pool");
    expect(hex(fact.source) == market.pools[fact.pool].address, "a fact is of another address");
    const std::array<cpp_int, 2> reserves = {word_at(fact.data, 0), word_at(fact.data, 1)};
    if (fact.kind == FactKind::evm_call) {
      expect(fact.data.size() == 96 && market.blocks.size() == 1, "an answer is out of place");
      market.pools[fact.pool].reserves = reserves;
      return;
    }
    expect(fact.kind == FactKind::evm_log && fact.data.size() == 64, "a fact is no Sync");
    expect(fmt::format("{:02x}", fmt::join(fact.topics, "")) ==
               "1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1",
           "a log is no Sync");
    market.syncs.push_back({block, time_s, fact.log_index, fact.pool, reserves});
  }
  void operator()(const Event&) { expect(false, "it holds an event"); }
  void operator()(const Decision&) { expect(false, "it holds a decision"); }
  void operator()(const host::recording::Compiled&) { expect(false, "it is compiled"); }
  void operator()(const host::recording::Changes&) { expect(false, "it is compiled"); }
  void operator()(const End& end) { market.end = end; }
};

}  // namespace

std::filesystem::path market_file() { return GANTRY_MARKET_FILE; }

cpp_int word_at(std::span<const std::uint8_t> bytes, std::size_t index) {
  if (bytes.size() < 32 * (index + 1)) throw std::runtime_error("a word is missing");
  cpp_int value = 0;
  for (const std::uint8_t byte : bytes.subspan(32 * index, 32)) value = (value << 8) | byte;
  return value;
}

Market load_market(const std::filesystem::path& path) {
  auto reader = host::RecordingReader::open(path);
  if (!reader) throw std::runtime_error(reader.error().message);
  Market market;
  Load load{market};
  while (true) {
    auto record = reader->next();
    if (!record) throw std::runtime_error(record.error().message);
    if (!*record) return market;
    std::visit(load, **record);
  }
}

}  // namespace gantry::test
