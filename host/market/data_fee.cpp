#include "host/market/data_fee.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "gantry/u256_convert.hpp"

namespace gantry::host {

namespace {

// What is asked of each oracle; the tag of an answer is its place here.
enum OpStackTag : std::uint32_t {
  tag_l1_base_fee,
  tag_is_fjord,
  tag_is_ecotone,
  tag_base_fee_scalar,
  tag_blob_base_fee_scalar,
  tag_blob_base_fee,
  tag_overhead,
  tag_scalar,
};
using Selector = std::array<std::uint8_t, 4>;
constexpr Selector op_stack_calls[] = {
    {0x51, 0x9b, 0x4b, 0xd3},  // l1BaseFee()
    {0x96, 0x0e, 0x3a, 0x23},  // isFjord()
    {0x4e, 0xf6, 0xe2, 0x24},  // isEcotone()
    {0xc5, 0x98, 0x59, 0x18},  // baseFeeScalar()
    {0x68, 0xd5, 0xdc, 0xa6},  // blobBaseFeeScalar()
    {0xf8, 0x20, 0x61, 0x40},  // blobBaseFee()
    {0x0c, 0x18, 0xc1, 0x62},  // overhead()
    {0xf4, 0x5e, 0x65, 0xd8},  // scalar()
};
constexpr Selector arbitrum_calls[] = {
    {0xf5, 0xd6, 0xde, 0xd7},  // getL1BaseFeeEstimate()
};

constexpr std::uint64_t signature_bytes = 68;     // as the oracle counts one
constexpr std::uint64_t nonzero_byte_units = 16;  // EIP-2028
constexpr std::uint64_t zero_byte_units = 4;
constexpr std::uint64_t millionth = 1'000'000;
// Fjord's regression from FastLZ's size to what Brotli makes of a batch, in millionths of a byte.
constexpr std::uint64_t fjord_coefficient = 836'500;
constexpr std::uint64_t fjord_intercept = 42'585'600;  // to be taken away
constexpr std::uint64_t fjord_size_min = 100 * millionth;
// A fee above it cannot be: 2^96 wei for one byte are 79 billion of the coin.
constexpr unsigned price_bits_max = 96;

gantry_address oracle_of(DataFeeKind kind) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  if (kind == DataFeeKind::op_stack) {
    address.bytes[0] = 0x42;  // 0x420000000000000000000000000000000000000F
    address.bytes[19] = 0x0f;
  } else {
    address.bytes[19] = 0x6c;
  }
  return address;
}

std::span<const Selector> calls_of(DataFeeKind kind) {
  switch (kind) {
    case DataFeeKind::op_stack:
      return op_stack_calls;
    case DataFeeKind::arbitrum:
      return arbitrum_calls;
    default:
      return {};
  }
}

// The oracle's answers among a block's facts.
class OracleAnswers {
 public:
  OracleAnswers(DataFeeKind kind, std::span<const recording::Fact> facts) {
    const gantry_address oracle = oracle_of(kind);
    for (const recording::Fact& fact : facts) {
      if (fact.pool != recording::no_pool || fact.kind != recording::FactKind::evm_call ||
          fact.tag >= answers_.size() || !std::ranges::equal(fact.source.bytes, oracle.bytes)) {
        continue;
      }
      answers_[fact.tag] = &fact;
    }
  }

  // Whether it answered at all that it has no such function.
  bool refuses(std::uint32_t tag) const {
    return answers_[tag] != nullptr && answers_[tag]->status != GANTRY_OK &&
           answers_[tag]->data.empty();
  }
  std::optional<u256> number(std::uint32_t tag, unsigned bits) const {
    const recording::Fact* fact = answers_[tag];
    if (fact == nullptr || fact->status != GANTRY_OK || fact->data.size() != 32) return {};
    const u256 value = load_be(fact->data.data());
    return bit_width(value) <= bits ? std::optional(value) : std::nullopt;
  }
  // An oracle of before the upgrade does not know the question.
  std::optional<bool> flag(std::uint32_t tag) const {
    if (refuses(tag)) return false;
    const auto value = number(tag, 1);
    return value ? std::optional(!value->is_zero()) : std::nullopt;
  }

 private:
  std::array<const recording::Fact*, 8> answers_{};
};

constexpr DataFee unknown_fee{DataFeeRule::unknown, {}, {}, {}};

// baseFeeScalar() * 16 * l1BaseFee() + blobBaseFeeScalar() * blobBaseFee().
std::optional<u256> scaled_price(const OracleAnswers& oracle, const u256& l1_base_fee) {
  const auto scalar = oracle.number(tag_base_fee_scalar, 28);  // 16 times it is 32 bits there too
  const auto blob_scalar = oracle.number(tag_blob_base_fee_scalar, 32);
  const auto blob_fee = oracle.number(tag_blob_base_fee, price_bits_max);
  if (!scalar || !blob_scalar || !blob_fee) return {};
  const u256 price =
      wrapping_add(wrapping_mul(wrapping_mul(*scalar, u256(nonzero_byte_units)), l1_base_fee),
                   wrapping_mul(*blob_scalar, *blob_fee));
  return price.is_zero() ? std::nullopt : std::optional(price);
}

DataFee read_op_stack(const OracleAnswers& oracle) {
  const auto l1_base_fee = oracle.number(tag_l1_base_fee, price_bits_max);
  const auto is_fjord = oracle.flag(tag_is_fjord);
  const auto is_ecotone = oracle.flag(tag_is_ecotone);
  if (!l1_base_fee || l1_base_fee->is_zero() || !is_fjord || !is_ecotone) return unknown_fee;
  if (*is_fjord || *is_ecotone) {
    const auto price = scaled_price(oracle, *l1_base_fee);
    if (!price) return unknown_fee;
    return {*is_fjord ? DataFeeRule::fjord : DataFeeRule::ecotone, *price, {}, {}};
  }
  const auto overhead = oracle.number(tag_overhead, 64);
  const auto scalar = oracle.number(tag_scalar, 64);
  if (!overhead || !scalar || scalar->is_zero()) return unknown_fee;
  return {DataFeeRule::bedrock, *l1_base_fee, *overhead, *scalar};
}

std::uint64_t calldata_units(std::span<const std::uint8_t> bytes) {
  const auto zeros = static_cast<std::uint64_t>(std::ranges::count(bytes, 0));
  return zeros * zero_byte_units + (bytes.size() - zeros + signature_bytes) * nonzero_byte_units;
}

bool times_by(const u256& a, const u256& b, std::uint64_t divisor, u256& out) {
  return mul_div_floor(a, b, u256(divisor), out);
}

}  // namespace

std::vector<PoolRequest> data_fee_requests(DataFeeKind kind) {
  std::vector<PoolRequest> requests;
  for (const Selector& selector : calls_of(kind)) {
    requests.push_back({recording::no_pool,
                        GANTRY_SOURCE_EVM_CALL,
                        static_cast<std::uint32_t>(requests.size()),
                        oracle_of(kind),
                        {selector.begin(), selector.end()}});
  }
  return requests;
}

DataFee read_data_fee(DataFeeKind kind, std::span<const recording::Fact> facts) {
  if (kind == DataFeeKind::none) return {};
  const OracleAnswers oracle(kind, facts);
  if (kind == DataFeeKind::op_stack) return read_op_stack(oracle);
  // Nitro's price falls to nothing where nobody is owed for publishing: zero is an answer here.
  const auto price = oracle.number(0, price_bits_max);
  return price ? DataFee{DataFeeRule::arbitrum, *price, {}, {}} : unknown_fee;
}

bool data_fee_of(const DataFee& fee, std::span<const std::uint8_t> transaction, u256& wei) {
  wei = u256();
  switch (fee.rule) {
    case DataFeeRule::none:
      return true;
    case DataFeeRule::unknown:
      return false;
    case DataFeeRule::bedrock: {
      const u256 units = wrapping_add(u256(calldata_units(transaction)), fee.overhead);
      u256 cost;
      return mul(units, fee.price, cost) && times_by(cost, fee.scalar, millionth, wei);
    }
    case DataFeeRule::ecotone:
      return times_by(u256(calldata_units(transaction)), fee.price, nonzero_byte_units * millionth,
                      wei);
    case DataFeeRule::fjord: {
      const std::uint64_t size = fastlz_size(transaction) + signature_bytes;
      const std::uint64_t linear = fjord_coefficient * size;
      const std::uint64_t packed =
          std::max(linear - std::min(linear, fjord_intercept), fjord_size_min);
      return times_by(u256(packed), fee.price, millionth * millionth, wei);
    }
    case DataFeeRule::arbitrum: {
      constexpr std::uint64_t brotli_bytes = 96;  // that its tables take more than FastLZ
      constexpr std::uint64_t padding_units = 16 * nonzero_byte_units;
      const std::uint64_t size = fastlz_size(transaction) + brotli_bytes;
      const std::uint64_t units = size * nonzero_byte_units + padding_units;
      return mul(fee.price, u256(units * 10'100 / 10'000), wei);
    }
  }
  return false;
}

// Rationale: sizes alone, as op-geth's FlzCompressLen, which must agree with LibZip.
std::uint64_t fastlz_size(std::span<const std::uint8_t> bytes) {
  constexpr std::uint32_t distance_max = 0x1fff;
  constexpr std::size_t tail_bytes = 13;  // they are never looked up
  std::uint64_t size = 0;
  const auto literals = [&](std::size_t count) {
    size += 0x21 * (count / 0x20);
    if (count % 0x20 != 0) size += count % 0x20 + 1;
  };
  const auto match = [&](std::size_t length) {
    size += 3 * ((length - 1) / 262) + ((length - 1) % 262 >= 6 ? 3 : 2);
  };
  const auto three = [&](std::size_t at) {
    return std::uint32_t{bytes[at]} | std::uint32_t{bytes[at + 1]} << 8U |
           std::uint32_t{bytes[at + 2]} << 16U;
  };
  const auto hash = [](std::uint32_t value) {
    return ((2654435769U * value) >> 19U) & distance_max;
  };
  std::array<std::uint32_t, distance_max + 1> places{};
  std::size_t begin = 0;  // of the literals that are not written yet
  const std::size_t limit = bytes.size() < tail_bytes ? 0 : bytes.size() - tail_bytes;
  for (std::size_t at = begin + 2; at < limit;) {
    std::size_t earlier = 0;
    for (;;) {
      const std::uint32_t value = three(at);
      std::uint32_t& place = places[hash(value)];
      earlier = place;
      place = static_cast<std::uint32_t>(at);
      if (at >= limit) break;
      const std::size_t here = at++;
      if (here - earlier <= distance_max && value == three(earlier)) break;
    }
    if (at >= limit) break;
    --at;
    if (at > begin) literals(at - begin);
    // Behind its first three bytes; the one that differs is passed over too, as there.
    std::size_t length = 0;
    const std::size_t length_max = limit + 9 - (at + 3);
    while (length < length_max) {
      const bool same = bytes[earlier + 3 + length] == bytes[at + 3 + length];
      ++length;
      if (!same) break;
    }
    match(length);
    at += length;
    for (int i = 0; i < 2; ++i, ++at) places[hash(three(at))] = static_cast<std::uint32_t>(at);
    begin = at;
  }
  literals(bytes.size() - begin);
  return size;
}

}  // namespace gantry::host
