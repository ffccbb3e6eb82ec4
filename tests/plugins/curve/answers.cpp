#include "plugins/curve/answers.hpp"

#include <zstd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace gantry::test {
namespace {

std::string decompressed(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    throw std::runtime_error(path.string() + " is no zstd frame of a known size");
  }
  std::string text(size, '\0');
  if (ZSTD_isError(ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size())) != 0U) {
    throw std::runtime_error(path.string() + " does not decompress");
  }
  return text;
}

std::uint8_t digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  throw std::runtime_error(std::string("not a hexadecimal digit: ") + c);
}

std::vector<std::uint8_t> bytes_of(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

std::vector<std::uint8_t> answer_of(const std::string& word) {
  if (word[0] == 'x') return bytes_of(word.substr(1));
  return bytes_of(std::string(64 - word.size(), '0') + word);
}

u256 number_of(const std::string& word) {
  u256 value;
  for (const char c : word) value = wrapping_add(shift_left(value, 4), u256(digit(c)));
  return value;
}

std::string next(std::istream& line) {
  std::string word;
  if (!(line >> word)) throw std::runtime_error("a line of the recorded answers is too short");
  return word;
}

RecordedExchange exchange_of(std::istream& line, std::size_t coins,
                             std::optional<u256>* get_dy = nullptr) {
  RecordedExchange exchange;
  exchange.in = static_cast<std::uint32_t>(std::stoul(next(line)));
  exchange.out = static_cast<std::uint32_t>(std::stoul(next(line)));
  exchange.amount = number_of(next(line));
  const auto maybe = [&]() -> std::optional<u256> {
    const std::string word = next(line);
    return word == "-" ? std::nullopt : std::optional(number_of(word));
  };
  if (get_dy != nullptr) *get_dy = maybe();
  exchange.paid = maybe();
  for (std::size_t i = 0; i < coins; ++i) exchange.balances.push_back(number_of(next(line)));
  return exchange;
}

}  // namespace

std::vector<RecordedPool> read_answers(const std::filesystem::path& path) {
  std::istringstream text(decompressed(path));
  std::string line;
  std::getline(text, line);
  if (line != "curve answers 1") throw std::runtime_error(path.string() + ": " + line);
  std::vector<RecordedPool> pools;
  while (std::getline(text, line)) {
    std::istringstream words(line);
    const std::string kind = next(words);
    if (kind == "pool") {
      RecordedPool& pool = pools.emplace_back();
      pool.variant = next(words);
      for (std::uint32_t decimals = 0; words >> decimals;) pool.decimals.push_back(decimals);
      continue;
    }
    RecordedPool& pool = pools.at(pools.size() - 1);
    if (kind == "source") {
      std::getline(words >> std::ws, pool.source);
    } else if (kind == "compiler") {
      std::getline(words >> std::ws, pool.compiler);
    } else if (kind == "code") {
      pool.code = next(words);
    } else if (kind == "ask") {
      const bool of_base = next(words) == "base";
      pool.asks.push_back({of_base, bytes_of(next(words))});
    } else if (kind == "state") {
      RecordedState& state = pool.states.emplace_back();
      state.time_s = std::stoull(next(words));
      for (std::size_t i = 0; i < pool.asks.size(); ++i) {
        state.answers.push_back(answer_of(next(words)));
      }
    } else if (kind == "swap") {
      RecordedSwap swap;
      swap.first = exchange_of(words, pool.decimals.size(), &swap.get_dy);
      swap.second = exchange_of(words, pool.decimals.size());
      pool.states.at(pool.states.size() - 1).swaps.push_back(std::move(swap));
    } else {
      throw std::runtime_error(path.string() + ": unknown line " + kind);
    }
  }
  return pools;
}

}  // namespace gantry::test
