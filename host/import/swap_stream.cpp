#include "host/import/swap_stream.hpp"

#include <algorithm>
#include <gantry/constant_product.hpp>
#include <map>
#include <string>

namespace gantry::host {

using namespace recording;

namespace {

constexpr std::size_t word_bytes = 32;
constexpr unsigned reserve_bits_max = 112;
constexpr std::uint64_t draws_max = 10'000;  // for one swap, before the stream gives up

// A million ether; so that the weights of pairs_max pools can be summed.
constexpr std::uint64_t liquidity_gwei_max = 1ULL << 50U;

// keccak-256 of "Sync(uint112,uint112)".
constexpr std::array<std::uint8_t, word_bytes> sync_topic = {
    0x1c, 0x41, 0x1e, 0x9a, 0x96, 0xe0, 0x71, 0x24, 0x1c, 0x2f, 0x21, 0xf7, 0x72, 0x6b, 0x17, 0xae,
    0x89, 0xe3, 0xca, 0xb4, 0xc7, 0x8b, 0xe5, 0x0e, 0x06, 0x2b, 0x03, 0xa9, 0xff, 0xfb, 0xba, 0xd1};

// A swap's logs are two transfers, Sync and Swap: Sync is the third of four.
constexpr std::uint32_t logs_per_swap = 4;
constexpr std::uint32_t sync_place = 2;

// WETH9 on Ethereum.
constexpr std::array<std::uint8_t, 20> weth = {0xC0, 0x2a, 0xaA, 0x39, 0xb2, 0x23, 0xFE,
                                               0x8D, 0x0A, 0x0e, 0x5C, 0x4F, 0x27, 0xeA,
                                               0xD9, 0x08, 0x3C, 0x75, 0x6C, 0xc2};

// Shares of a reserve, in units of 2^-40.
constexpr unsigned share_bits = 40;
constexpr std::uint64_t share_one = 1ULL << share_bits;
constexpr std::uint64_t share_median = share_one / 1000;
constexpr std::uint64_t share_min = share_one / 10'000;
constexpr std::uint64_t share_max = share_one * 3 / 100;
constexpr std::int64_t share_deviation_percent = 166;  // of a doubling

// 2^(x / 2^32) in units of 2^-62, for x of [0, 2^32): a product of the square roots of 2, of that,
// and so on, one for each bit of x.
std::uint64_t exp2_q62(std::uint32_t x) {
  u256 root = shift_left(u256(1), 63);  // 2
  std::uint64_t result = 1ULL << 62U;
  for (unsigned bit = 32; bit-- > 0;) {
    root = isqrt_floor(shift_left(root, 62));
    if ((x >> bit & 1U) != 0) {
      result = static_cast<std::uint64_t>(static_cast<uint128>(result) * root.limb(0) >> 62U);
    }
  }
  return result;
}

std::string key_of(const gantry_address& address) {
  return {reinterpret_cast<const char*>(address.bytes), sizeof address.bytes};
}

bool is_weth(const gantry_address& address) {
  return std::equal(weth.begin(), weth.end(), address.bytes);
}

// What a token is worth in WETH: by its pair with WETH that holds the most of it.
struct Price {
  u256 weth;
  u256 token;
};

std::map<std::string, Price> prices_of(const std::vector<PairEntry>& pairs) {
  std::map<std::string, Price> prices;
  for (const PairEntry& pair : pairs) {
    for (const std::size_t side : {0U, 1U}) {
      if (!is_weth(pair.tokens[side].address)) continue;
      Price& price = prices[key_of(pair.tokens[1 - side].address)];
      if (pair.reserves[side] > price.weth) {
        price = Price{pair.reserves[side], pair.reserves[1 - side]};
      }
    }
  }
  return prices;
}

// The lesser of the two sides, in 10^9 wei. A side that cannot be valued is worth nothing.
std::uint64_t liquidity_gwei(const PairEntry& pair, const std::map<std::string, Price>& prices) {
  std::uint64_t least = liquidity_gwei_max;
  for (const std::size_t side : {0U, 1U}) {
    u256 value;
    if (is_weth(pair.tokens[side].address)) {
      value = pair.reserves[side];
    } else {
      const auto price = prices.find(key_of(pair.tokens[side].address));
      if (price == prices.end()) return 0;
      const Price& by = price->second;
      if (!mul_div_floor(pair.reserves[side], by.weth, by.token, value)) return 0;
    }
    u256 gwei;
    if (!div_floor(value, u256(1'000'000'000), gwei)) return 0;
    if (gwei.fits_u64()) least = std::min(least, gwei.limb(0));
  }
  return least;
}

void store_words(const std::array<u256, 2>& reserves, Bytes& out) {
  store_be(reserves[0], out.data());
  store_be(reserves[1], out.data() + word_bytes);
}

}  // namespace

Bytes get_reserves_answer(const std::array<u256, 2>& reserves, std::uint64_t time_s) {
  Bytes answer(3 * word_bytes);
  store_words(reserves, answer);
  store_be(u256(time_s & 0xFFFFFFFFU), answer.data() + 2 * word_bytes);
  return answer;
}

SwapStream::SwapStream(const std::vector<PairEntry>& pairs, SwapStreamOptions options)
    : pairs_(pairs), options_(options), random_(options.seed) {
  const auto prices = prices_of(pairs);
  std::uint64_t sum = 0;
  for (const PairEntry& pair : pairs) {
    const u256 root = isqrt_floor(u256(liquidity_gwei(pair, prices)));
    sum += root.limb(0) * isqrt_floor(root).limb(0);
    weight_sums_.push_back(sum);
    reserves_.push_back(pair.reserves);
  }
}

std::size_t SwapStream::draw_pool() {
  const std::uint64_t point = random_.below(weight_sums_.back());
  return static_cast<std::size_t>(
      std::upper_bound(weight_sums_.begin(), weight_sums_.end(), point) - weight_sums_.begin());
}

std::size_t SwapStream::draw_direction(std::size_t pool) {
  const std::uint64_t coins = random_.next() >> 62U;
  const std::array<u256, 2>& now = reserves_[pool];
  const std::array<u256, 2>& first = pairs_[pool].reserves;
  const u256 here = wrapping_mul(now[0], first[1]);  // 224 bits at most
  const u256 there = wrapping_mul(now[1], first[0]);
  if ((coins & 2U) == 0 || here == there) return coins & 1U;
  return here > there ? 1 : 0;  // token 0 is more plentiful than at first: bring token 1
}

u256 SwapStream::draw_amount(const u256& reserve) {
  while (true) {
    const std::int64_t doublings = random_.normal_q32() * share_deviation_percent / 100;
    const std::int64_t whole = doublings >> 32U;  // down, also below zero
    const auto part = static_cast<std::uint32_t>(doublings & 0xFFFFFFFF);
    uint128 share = static_cast<uint128>(share_median) * exp2_q62(part) >> 62U;
    share =
        whole >= 0 ? share << static_cast<unsigned>(whole) : share >> static_cast<unsigned>(-whole);
    if (share < share_min || share > share_max) continue;
    return shift_right(wrapping_mul(reserve, u256::from_u128(share)), share_bits);
  }
}

bool SwapStream::draw(Swap& swap) {
  swap.pool = draw_pool();
  swap.in = draw_direction(swap.pool);
  const std::array<u256, 2>& now = reserves_[swap.pool];
  swap.amount_in = draw_amount(now[swap.in]);
  const ConstantProduct pool{now[swap.in], now[1 - swap.in], 3, 1000};
  return amount_out(pool, swap.amount_in, swap.amount_out) == GANTRY_OK &&
         !swap.amount_out.is_zero() &&
         bit_width(wrapping_add(now[swap.in], swap.amount_in)) <= reserve_bits_max;
}

// Poisson with mean 3, by its cumulative distribution in millionths.
std::uint64_t SwapStream::draw_swaps_of_block() {
  constexpr std::array<std::uint32_t, 11> cumulative = {49'787,  199'148, 423'190, 647'232,
                                                        815'263, 916'082, 966'491, 988'095,
                                                        996'197, 998'898, 999'708};
  const std::uint64_t point = random_.below(1'000'000);
  return static_cast<std::uint64_t>(std::upper_bound(cumulative.begin(), cumulative.end(), point) -
                                    cumulative.begin());
}

Fact SwapStream::sync_log(std::size_t pool, std::uint32_t log_index) const {
  Fact fact;
  fact.pool = static_cast<std::uint32_t>(pool);
  fact.kind = FactKind::evm_log;
  fact.log_index = log_index;
  fact.source = pairs_[pool].address;
  fact.topics.assign(sync_topic.begin(), sync_topic.end());
  fact.data.resize(2 * word_bytes);
  store_words(reserves_[pool], fact.data);
  return fact;
}

Result<SwapStream::Totals> SwapStream::append_to(RecordingWriter& writer, Block block) {
  Totals totals;
  if (options_.swaps == 0) return totals;
  if (weight_sums_.empty() || weight_sums_.back() == 0) {
    return fail(ErrorKind::usage, "no pool can be valued in WETH, so none can be chosen to trade");
  }
  while (totals.swaps < options_.swaps) {
    ++block.number;
    block.time_s += options_.block_interval_s;
    if (auto ok = writer.append(block); !ok) return std::unexpected(ok.error());
    ++totals.blocks;
    const std::uint64_t left = options_.swaps - totals.swaps;
    const auto count = static_cast<std::uint32_t>(std::min(draw_swaps_of_block(), left));
    for (std::uint32_t i = 0; i < count; ++i) {
      Swap swap;
      std::uint64_t draws = 0;
      while (!draw(swap)) {
        if (++draws == draws_max) {
          return fail(ErrorKind::usage, "the pools are too small for any swap of these sizes");
        }
      }
      u256& in = reserves_[swap.pool][swap.in];
      u256& out = reserves_[swap.pool][1 - swap.in];
      in = wrapping_add(in, swap.amount_in);
      out = wrapping_sub(out, swap.amount_out);  // amount_out is below the reserve
      const Fact log = sync_log(swap.pool, i * logs_per_swap + sync_place);
      if (auto ok = writer.append(log); !ok) return std::unexpected(ok.error());
    }
    totals.swaps += count;
  }
  return totals;
}

}  // namespace gantry::host
