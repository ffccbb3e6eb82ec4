// Makes a recording of price series: pools of Uniswap V2's shape whose prices are those of the
// series, one block for each time that all have.
//
//   record_prices OUT PROVENANCE ETH.csv BTC.csv [SOL.csv]
//
// Each line of a series is "time,open,high,low,close", the close in dollars. Pools are made up:
// each has 10,000 WETH, or what that is worth, on each side at the first time, and its product
// stays.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "host/import/swap_stream.hpp"
#include "host/recording/writer.hpp"

using namespace gantry;
using namespace gantry::host;

namespace {

constexpr std::uint64_t first_block = 19'000'000;
constexpr double depth_ether = 10'000;

struct Asset {
  const char* symbol;
  const char* address;
  std::uint8_t decimals;
};
constexpr std::array<Asset, 4> assets = {{
    {"USDC", "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6},
    {"WETH", "c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", 18},
    {"WBTC", "2260fac5e5542a773aa44fbcfedf7c193bc2c599", 8},
    {"SOL", "d31a59c85ae9d8edefec411d448f90841571b89c", 9},
}};

gantry_address address_of(const std::string& hex) {
  gantry_address out{GANTRY_ADDRESS_EVM, 20, {}, {}};
  for (std::size_t i = 0; i < 20; ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  }
  return out;
}

template <class T>
void must(const T& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

std::map<std::uint64_t, double> read_closes(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error(file + ": cannot be read");
  std::map<std::uint64_t, double> closes;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::vector<std::string> values;
    for (std::string value; std::getline(fields, value, ',');) values.push_back(value);
    if (values.size() != 5) throw std::runtime_error(file + ": '" + line + "' is no price");
    closes[std::stoull(values[0])] = std::stod(values[4]);
  }
  return closes;
}

struct Pool {
  std::size_t tokens[2];
  double root = 0;  // of its product, in whole tokens
};

// What it holds at these prices, in smallest units.
std::array<u256, 2> reserves_of(const Pool& pool, const std::vector<double>& dollars) {
  const double price = dollars[pool.tokens[0]] / dollars[pool.tokens[1]];
  std::array<u256, 2> out;
  for (const std::size_t side : {0U, 1U}) {
    const double whole = side == 0 ? pool.root / std::sqrt(price) : pool.root * std::sqrt(price);
    if (!from_double_floor(whole * std::pow(10.0, assets[pool.tokens[side]].decimals), out[side])) {
      throw std::runtime_error("a reserve is no amount");
    }
  }
  return out;
}

recording::Fact fact_of(std::size_t pool, const gantry_address& source, bool first,
                        const std::array<u256, 2>& reserves, std::uint64_t time_s) {
  recording::Fact fact;
  fact.pool = static_cast<std::uint32_t>(pool);
  fact.kind = first ? recording::FactKind::evm_call : recording::FactKind::evm_log;
  fact.source = source;
  fact.data = get_reserves_answer(reserves, time_s);
  if (first) return fact;
  fact.log_index = static_cast<std::uint32_t>(pool);
  fact.data.resize(64);
  constexpr char topic[] =
      "\x1c\x41\x1e\x9a\x96\xe0\x71\x24\x1c\x2f\x21\xf7\x72\x6b\x17\xae"
      "\x89\xe3\xca\xb4\xc7\x8b\xe5\x0e\x06\x2b\x03\xa9\xff\xfb\xba\xd1";  // Sync
  fact.topics.assign(topic, topic + 32);
  return fact;
}

void write(const std::vector<std::string>& arguments) {
  std::vector<std::map<std::uint64_t, double>> series;
  for (std::size_t i = 2; i < arguments.size(); ++i) series.push_back(read_closes(arguments[i]));
  // By time, the dollars of each asset.
  std::map<std::uint64_t, std::vector<double>> times;
  for (const auto& [time, close] : series[0]) {
    std::vector<double> dollars = {1, close};
    for (std::size_t i = 1; i < series.size() && series[i].contains(time); ++i) {
      dollars.push_back(series[i].at(time));
    }
    if (dollars.size() == series.size() + 1) times[time] = dollars;
  }
  if (times.empty()) throw std::runtime_error("the series have no time in common");

  const std::vector<double>& begin = times.begin()->second;
  std::vector<Pool> pools = {{{0, 1}}};
  for (std::size_t asset = 2; asset < begin.size(); ++asset) {
    pools.push_back({{asset, 1}});
    pools.push_back({{asset, 0}});
  }
  for (Pool& pool : pools) {
    const double worth = depth_ether * begin[1];
    pool.root = worth / std::sqrt(begin[pool.tokens[0]] * begin[pool.tokens[1]]);
  }

  auto writer = RecordingWriter::create(arguments[0], {19, 4U << 20U});
  must(writer);
  must(writer->append(
      recording::Header{recording::format_version, "eip155:1", arguments[1], "record_prices"}));
  for (std::size_t i = 0; i < begin.size(); ++i) {
    must(writer->append(
        recording::Token{address_of(assets[i].address), assets[i].symbol, assets[i].decimals}));
  }
  std::vector<gantry_address> addresses;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    addresses.push_back(address_of(fmt::format("{:040x}", 0x1000 + i)));
    recording::Pool pool;
    pool.venue = "uniswap_v2";
    pool.address = addresses.back();
    for (const std::size_t token : pools[i].tokens) {
      pool.tokens.push_back(static_cast<std::uint32_t>(token));
    }
    must(writer->append(pool));
  }
  std::uint64_t number = first_block;
  for (const auto& [time_s, dollars] : times) {
    must(writer->append(recording::Block{number, time_s, gantry_amount{}, std::nullopt}));
    for (std::size_t i = 0; i < pools.size(); ++i) {
      must(writer->append(
          fact_of(i, addresses[i], number == first_block, reserves_of(pools[i], dollars), time_s)));
    }
    ++number;
  }
  const auto end = writer->finish();
  must(end);
  fmt::print("{} blocks, {} pools, digest {:016x}\n", end->blocks, end->pools, end->digest);
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  if (arguments.size() < 4 || arguments.size() > 5) {
    fmt::print(stderr, "record_prices OUT PROVENANCE ETH.csv BTC.csv [SOL.csv]\n");
    return 2;
  }
  try {
    write(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "record_prices: {}\n", error.what());
    return 1;
  }
  return 0;
}
