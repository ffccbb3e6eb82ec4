#include "host/market/data_fee.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "gantry/u256_convert.hpp"

namespace gantry::host {

namespace {

// Tags of the answers.
enum OpStackTag : std::uint32_t {
  tag_l1_base_fee,
  tag_is_fjord,
  tag_is_ecotone,
  tag_base_fee_scalar,
  tag_blob_base_fee_scalar,
  tag_blob_base_fee,
  tag_overhead,
  tag_scalar,
  tag_is_isthmus,
  tag_is_jovian,
  tag_operator_scalar,
  tag_operator_constant,
  op_stack_tags,
};
using Selector = std::array<std::uint8_t, 4>;
enum class Contract : std::uint8_t { gas_price_oracle, l1_block, arb_gas_info };
struct Question {
  std::uint32_t tag;
  Contract contract;
  Selector selector;
};
// The last one is answered whatever the chain's upgrade is: data_fee_reads.cpp rests on that.
constexpr Question op_stack_questions[] = {
    {tag_is_jovian, Contract::gas_price_oracle, {0x10, 0x5d, 0x0b, 0x81}},   // isJovian()
    {tag_is_isthmus, Contract::gas_price_oracle, {0xb5, 0x45, 0x01, 0xbc}},  // isIsthmus()
    {tag_operator_scalar, Contract::l1_block, {0x4d, 0x5d, 0x9a, 0x2a}},     // operatorFeeScalar()
    {tag_operator_constant, Contract::l1_block, {0x16, 0xd3, 0xbc, 0x7f}},  // operatorFeeConstant()
    {tag_is_fjord, Contract::gas_price_oracle, {0x96, 0x0e, 0x3a, 0x23}},   // isFjord()
    {tag_is_ecotone, Contract::gas_price_oracle, {0x4e, 0xf6, 0xe2, 0x24}},       // isEcotone()
    {tag_base_fee_scalar, Contract::gas_price_oracle, {0xc5, 0x98, 0x59, 0x18}},  // baseFeeScalar()
    {tag_blob_base_fee_scalar,
     Contract::gas_price_oracle,
     {0x68, 0xd5, 0xdc, 0xa6}},  // blobBaseFeeScalar()
    {tag_blob_base_fee, Contract::gas_price_oracle, {0xf8, 0x20, 0x61, 0x40}},  // blobBaseFee()
    {tag_overhead, Contract::gas_price_oracle, {0x0c, 0x18, 0xc1, 0x62}},       // overhead()
    {tag_scalar, Contract::gas_price_oracle, {0xf4, 0x5e, 0x65, 0xd8}},         // scalar()
    {tag_l1_base_fee, Contract::gas_price_oracle, {0x51, 0x9b, 0x4b, 0xd3}},    // l1BaseFee()
};
constexpr Question arbitrum_questions[] = {
    {0, Contract::arb_gas_info, {0xf5, 0xd6, 0xde, 0xd7}},  // getL1BaseFeeEstimate()
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

gantry_address address_of(Contract contract) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  if (contract == Contract::arb_gas_info) {
    address.bytes[19] = 0x6c;
  } else {
    address.bytes[0] = 0x42;  // 0x42000000000000000000000000000000000000..
    address.bytes[19] = contract == Contract::l1_block ? 0x15 : 0x0f;
  }
  return address;
}

std::span<const Question> questions_of(DataFeeKind kind) {
  switch (kind) {
    case DataFeeKind::op_stack:
      return op_stack_questions;
    case DataFeeKind::arbitrum:
      return arbitrum_questions;
    default:
      return {};
  }
}

// The oracle's answers among a block's facts.
class OracleAnswers {
 public:
  OracleAnswers(DataFeeKind kind, std::span<const recording::Fact> facts) {
    for (const recording::Fact& fact : facts) {
      if (fact.pool != recording::no_pool || fact.kind != recording::FactKind::evm_call) continue;
      const auto asked = std::ranges::find(questions_of(kind), fact.tag, &Question::tag);
      if (asked == questions_of(kind).end() ||
          !std::ranges::equal(fact.source.bytes, address_of(asked->contract).bytes)) {
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
  std::array<const recording::Fact*, op_stack_tags> answers_{};
};

constexpr DataFee unknown_fee{DataFeeRule::unknown, {}, {}, {}, {}, {}};

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

DataFee read_bytes_fee(const OracleAnswers& oracle) {
  const auto l1_base_fee = oracle.number(tag_l1_base_fee, price_bits_max);
  const auto is_fjord = oracle.flag(tag_is_fjord);
  const auto is_ecotone = oracle.flag(tag_is_ecotone);
  if (!l1_base_fee || l1_base_fee->is_zero() || !is_fjord || !is_ecotone) return unknown_fee;
  if (*is_fjord || *is_ecotone) {
    const auto price = scaled_price(oracle, *l1_base_fee);
    if (!price) return unknown_fee;
    return {*is_fjord ? DataFeeRule::fjord : DataFeeRule::ecotone, *price, {}, {}, {}, {}};
  }
  const auto overhead = oracle.number(tag_overhead, 64);
  const auto scalar = oracle.number(tag_scalar, 64);
  if (!overhead || !scalar || scalar->is_zero()) return unknown_fee;
  return {DataFeeRule::bedrock, *l1_base_fee, *overhead, *scalar, {}, {}};
}

// An operator may charge nothing: zeros are an answer here.
DataFee read_op_stack(const OracleAnswers& oracle) {
  DataFee fee = read_bytes_fee(oracle);
  const auto is_isthmus = oracle.flag(tag_is_isthmus);
  const auto is_jovian = oracle.flag(tag_is_jovian);
  if (!is_isthmus || !is_jovian || (*is_jovian && !*is_isthmus)) return unknown_fee;
  if (fee.rule == DataFeeRule::unknown || !*is_isthmus) return fee;
  const auto scalar = oracle.number(tag_operator_scalar, 32);
  const auto constant = oracle.number(tag_operator_constant, 64);
  if (!scalar || !constant) return unknown_fee;
  fee.operator_scalar = *is_jovian ? wrapping_mul(*scalar, u256(100 * millionth)) : *scalar;
  fee.operator_constant = *constant;
  return fee;
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
  for (const Question& question : questions_of(kind)) {
    requests.push_back({recording::no_pool,
                        GANTRY_SOURCE_EVM_CALL,
                        question.tag,
                        address_of(question.contract),
                        {question.selector.begin(), question.selector.end()}});
  }
  return requests;
}

DataFee read_data_fee(DataFeeKind kind, std::span<const recording::Fact> facts) {
  if (kind == DataFeeKind::none) return {};
  const OracleAnswers oracle(kind, facts);
  if (kind == DataFeeKind::op_stack) return read_op_stack(oracle);
  // Nitro's price falls to nothing where nobody is owed for publishing: zero is an answer here.
  const auto price = oracle.number(0, price_bits_max);
  return price ? DataFee{DataFeeRule::arbitrum, *price, {}, {}, {}, {}} : unknown_fee;
}

namespace {

bool bytes_fee_of(const DataFee& fee, std::span<const std::uint8_t> transaction, u256& wei) {
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

}  // namespace

bool data_fee_of(const DataFee& fee, std::span<const std::uint8_t> transaction, std::uint64_t gas,
                 u256& wei) {
  if (!bytes_fee_of(fee, transaction, wei)) return false;
  u256 of_operator;
  return times_by(u256(gas), fee.operator_scalar, millionth, of_operator) &&
         add(of_operator, fee.operator_constant, of_operator) && add(wei, of_operator, wei);
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
