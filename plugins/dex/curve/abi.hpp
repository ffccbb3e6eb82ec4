// The pools' words on chain: selectors and encodings of what this venue asks, reads and sends.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "gantry/u256.hpp"
#include "plugins/dex/curve/variant.hpp"
#include "plugins/dex/evm/abi.hpp"

namespace gantry::curve {

using evm::Selector;
using evm::word_bytes;

// One thing that a pool is asked, and what becomes of the answer.
enum class Ask : std::uint8_t {
  balance,  // of coin `argument`
  initial_a,
  future_a,
  initial_a_time,
  future_a_time,
  fee,
  admin_fee,
  base_price_cached,
  base_cached_at,
  base_price,  // asked of the base pool
  stored_rates,
  offpeg_multiplier,
  version,
};

struct Question {
  Ask what;
  std::uint8_t argument = 0;
};

inline constexpr std::size_t questions_max = 24;

// What a pool of `coins` coins is asked, in the order of the tags.
class Questions {
 public:
  Questions(const Variant& variant, std::uint32_t coins) noexcept {
    for (std::uint32_t i = 0; i < coins; ++i) add(Ask::balance, i);
    add_stable(variant.stable);
    if (!variant.version.empty()) add(Ask::version);
  }

  std::span<const Question> all() const noexcept { return {list_.data(), count_}; }
  std::uint32_t every() const noexcept { return (1U << count_) - 1; }

 private:
  void add(Ask what, std::uint32_t argument = 0) noexcept {
    list_[count_++] = {what, static_cast<std::uint8_t>(argument)};
  }
  void add_stable(const StableRules& rules) noexcept {
    add(Ask::initial_a);
    add(Ask::future_a);
    add(Ask::initial_a_time);
    add(Ask::future_a_time);
    add(Ask::fee);
    if (rules.asks_admin_fee) add(Ask::admin_fee);
    if (rules.rates == Rates::meta_cached) {
      add(Ask::base_price_cached);
      add(Ask::base_cached_at);
    }
    if (rules.rates == Rates::meta_cached || rules.rates == Rates::meta_fresh) {
      add(Ask::base_price);
    }
    if (rules.rates == Rates::stored_rates) add(Ask::stored_rates);
    if (rules.dynamic_fee) add(Ask::offpeg_multiplier);
  }

  std::array<Question, questions_max> list_{};
  std::size_t count_ = 0;
};

// keccak-256 of the signatures, as each comment has them.
constexpr Selector selector_of(Ask what) noexcept {
  switch (what) {
    case Ask::balance:
      return {0x49, 0x03, 0xb0, 0xd1};  // balances(uint256)
    case Ask::initial_a:
      return {0x54, 0x09, 0x49, 0x1a};  // initial_A()
    case Ask::future_a:
      return {0xb4, 0xb5, 0x77, 0xad};  // future_A()
    case Ask::initial_a_time:
      return {0x20, 0x81, 0x06, 0x6c};  // initial_A_time()
    case Ask::future_a_time:
      return {0x14, 0x05, 0x22, 0x88};  // future_A_time()
    case Ask::fee:
      return {0xdd, 0xca, 0x3f, 0x43};  // fee()
    case Ask::admin_fee:
      return {0xfe, 0xe3, 0xf7, 0xf9};  // admin_fee()
    case Ask::base_price_cached:
      return {0x95, 0xcc, 0xc0, 0x2f};  // base_virtual_price()
    case Ask::base_cached_at:
      return {0x82, 0x96, 0xf8, 0x4f};  // base_cache_updated()
    case Ask::base_price:
      return {0xbb, 0x7b, 0x8b, 0x80};  // get_virtual_price()
    case Ask::stored_rates:
      return {0xfd, 0x06, 0x84, 0xb1};  // stored_rates()
    case Ask::offpeg_multiplier:
      return {0x8e, 0xdf, 0xdd, 0x5f};  // offpeg_fee_multiplier()
    case Ask::version:
      return {0x54, 0xfd, 0x4d, 0x50};  // version()
  }
  return {};
}

inline constexpr Selector exchange_int128{0x3d, 0xf0, 0x21, 0x24};  // (int128,int128,uint256,uint256)
inline constexpr Selector exchange_int128_to{
    0xdd, 0xc1, 0xf5, 0x9d};  // (int128,int128,uint256,uint256,address)

// exchange(i, j, dx, min_dy[, receiver]) as calldata.
struct ExchangeCall {
  static constexpr std::uint32_t amount_in_offset = 4 + 2 * word_bytes;
  static constexpr std::uint32_t min_out_offset = 4 + 3 * word_bytes;

  std::array<std::uint8_t, 4 + 5 * word_bytes> bytes{};
  std::size_t size = 4 + 4 * word_bytes;

  ExchangeCall(const Selector& selector, std::uint32_t in, std::uint32_t out, const u256& amount,
               const u256& min_out) noexcept {
    std::memcpy(bytes.data(), selector.data(), selector.size());
    word(0, in);
    word(1, out);
    word(2, amount);
    word(3, min_out);
  }
  void add_receiver(std::span<const std::uint8_t> address) noexcept {
    std::memcpy(bytes.data() + size + word_bytes - address.size(), address.data(), address.size());
    size += word_bytes;
  }

 private:
  void word(std::size_t index, const u256& value) noexcept {
    evm::write_word({bytes.data() + 4 + index * word_bytes, word_bytes}, value);
  }
};

// A string as the ABI returns it; false: it is none, or another.
inline bool reads_as(std::span<const std::uint8_t> data, std::string_view expected) noexcept {
  if (data.size() < 3 * word_bytes || expected.size() > word_bytes) return false;
  return evm::read_word(data.first(word_bytes)) == u256(word_bytes) &&
         evm::read_word(data.subspan(word_bytes, word_bytes)) == u256(expected.size()) &&
         std::memcmp(data.data() + 2 * word_bytes, expected.data(), expected.size()) == 0;
}

// An array of `count` words as the ABI returns it; false: it is none, or of another size.
inline bool read_array(std::span<const std::uint8_t> data, std::size_t count, u256* out) noexcept {
  if (data.size() != (2 + count) * word_bytes ||
      evm::read_word(data.first(word_bytes)) != u256(word_bytes) ||
      evm::read_word(data.subspan(word_bytes, word_bytes)) != u256(count)) {
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = evm::read_word(data.subspan((2 + i) * word_bytes, word_bytes));
  }
  return true;
}

}  // namespace gantry::curve
