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
  base_price,        // asked of the base pool
  redemption_price,  // asked of the contract that keeps it
  stored_rates,
  offpeg_multiplier,
  d,
  price_scale,       // of coin `argument` + 1
  price_oracle_raw,  // a slot of storage: the getter answers for its own block's time
  last_price,        // of coin `argument` + 1
  oracle_time,
  initial_curve,
  future_curve,
  initial_curve_time,
  future_curve_time,
  fee_parameters,
  rebalance_parameters,
  xcp_profit,
  virtual_price,
  total_supply,
  version,
};

struct Question {
  Ask what;
  std::uint8_t argument = 0;
  bool takes_argument = false;
};

inline constexpr std::size_t questions_max = 24;

// What a pool of `coins` coins is asked, in the order of the tags.
class Questions {
 public:
  Questions(const Variant& variant, std::uint32_t coins) noexcept {
    for (std::uint32_t i = 0; i < coins; ++i) add_of(Ask::balance, i);
    if (variant.family == Family::stable) {
      add_stable(variant.stable);
    } else {
      add_crypto(coins);
    }
    if (!variant.version.empty()) add(Ask::version);
  }

  std::span<const Question> all() const noexcept { return {list_.data(), count_}; }
  std::uint32_t every() const noexcept { return (1U << count_) - 1; }

 private:
  void add(Ask what) noexcept { list_[count_++] = {what, 0, false}; }
  void add_of(Ask what, std::uint32_t argument) noexcept {
    list_[count_++] = {what, static_cast<std::uint8_t>(argument), true};
  }
  // Pools of two coins have one price, and no index for it.
  void add_prices(Ask what, std::uint32_t coins) noexcept {
    if (coins == 2) return add(what);
    for (std::uint32_t i = 0; i + 1 < coins; ++i) add_of(what, i);
  }
  void add_crypto(std::uint32_t coins) noexcept {
    add(Ask::d);
    add_prices(Ask::price_scale, coins);
    add(Ask::price_oracle_raw);
    add_prices(Ask::last_price, coins);
    for (const Ask what :
         {Ask::oracle_time, Ask::initial_curve, Ask::future_curve, Ask::initial_curve_time,
          Ask::future_curve_time, Ask::fee_parameters, Ask::rebalance_parameters, Ask::xcp_profit,
          Ask::virtual_price, Ask::total_supply}) {
      add(what);
    }
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
    if (rules.first_is_redeemed) add(Ask::redemption_price);
    if (rules.rates == Rates::stored_rates) add(Ask::stored_rates);
    if (rules.dynamic_fee) add(Ask::offpeg_multiplier);
  }

  std::array<Question, questions_max> list_{};
  std::size_t count_ = 0;
};

// keccak-256 of the signatures, as each comment has them; `coins` tells apart what pools of two and
// of three volatile coins call by other names.
constexpr Selector selector_of(Ask what, std::uint32_t coins) noexcept {
  const bool three = coins == 3;
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
    case Ask::redemption_price:
      return {0x69, 0x98, 0xc4, 0x8d};  // snappedRedemptionPrice()
    case Ask::stored_rates:
      return {0xfd, 0x06, 0x84, 0xb1};  // stored_rates()
    case Ask::offpeg_multiplier:
      return {0x8e, 0xdf, 0xdd, 0x5f};  // offpeg_fee_multiplier()
    case Ask::d:
      return {0x0f, 0x52, 0x9b, 0xa2};  // D()
    case Ask::price_scale:              // price_scale(uint256), price_scale()
      return three ? Selector{0xa3, 0xf7, 0xcd, 0xd5} : Selector{0xb9, 0xe8, 0xc9, 0xfd};
    case Ask::last_price:  // last_prices(uint256), last_prices()
      return three ? Selector{0x59, 0x18, 0x90, 0x17} : Selector{0xc1, 0x46, 0xbf, 0x94};
    case Ask::oracle_time:  // last_prices_timestamp(), last_timestamp()
      return three ? Selector{0x61, 0x12, 0xc7, 0x47} : Selector{0x4d, 0x23, 0xbf, 0xa0};
    case Ask::initial_curve:
      return {0x20, 0x4f, 0xe3, 0xd5};  // initial_A_gamma()
    case Ask::future_curve:
      return {0xf3, 0x0c, 0xfa, 0xd5};  // future_A_gamma()
    case Ask::initial_curve_time:
      return {0xe8, 0x98, 0x76, 0xff};  // initial_A_gamma_time()
    case Ask::future_curve_time:
      return {0xf9, 0xed, 0x95, 0x97};  // future_A_gamma_time()
    case Ask::fee_parameters:
      return {0xe3, 0x61, 0x64, 0x05};  // packed_fee_params()
    case Ask::rebalance_parameters:
      return {0x3d, 0xd6, 0x54, 0x78};  // packed_rebalancing_params()
    case Ask::xcp_profit:
      return {0x7b, 0xa1, 0xa7, 0x4d};  // xcp_profit()
    case Ask::virtual_price:
      return {0x0c, 0x46, 0xb7, 0x2a};  // virtual_price()
    case Ask::total_supply:
      return {0x18, 0x16, 0x0d, 0xdd};  // totalSupply()
    case Ask::price_oracle_raw:
      break;
    case Ask::version:
      return {0x54, 0xfd, 0x4d, 0x50};  // version()
  }
  return {};
}

inline constexpr Selector exchange_int128{0x3d, 0xf0, 0x21,
                                          0x24};  // (int128,int128,uint256,uint256)
inline constexpr Selector exchange_int128_to{0xdd, 0xc1, 0xf5,
                                             0x9d};  // (int128,int128,uint256,uint256,address)
inline constexpr Selector exchange_uint256{0x5b, 0x41, 0xb9,
                                           0x08};  // (uint256,uint256,uint256,uint256)
inline constexpr Selector exchange_uint256_to{0xa6, 0x48, 0x33,
                                              0xa0};  // (uint256,uint256,uint256,uint256,address)

// Where the contracts, of the versions that are known, keep price_oracle: slot numbers.
inline constexpr std::uint8_t price_oracle_slot_of_two = 2;
inline constexpr std::uint8_t price_oracle_slot_of_three = 4;

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
