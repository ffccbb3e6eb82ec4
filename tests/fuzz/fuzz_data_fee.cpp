// What a rollup's oracle answers of its data fee, most of it as it could be: alone, among other
// facts, or in the answer for a whole block through Multicall3. What is read of it has to be what
// the chain's rules make of the same answers, computed here in plain integers; what cannot be is
// unknown, and never a fee.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <boost/multiprecision/cpp_int.hpp>
#include <map>
#include <optional>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/data_fee_reads.hpp"
#include "host/market/data_fee.hpp"
#include "input.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;
using gantry::fuzz::Input;
using gantry::fuzz::must;
using Integer = boost::multiprecision::cpp_int;
using recording::Bytes;
using recording::Fact;

constexpr std::size_t transaction_bytes_max = 1024;

// The oracles' functions.
constexpr std::uint32_t is_jovian = 0x105d0b81;
constexpr std::uint32_t is_isthmus = 0xb54501bc;
constexpr std::uint32_t operator_fee_scalar = 0x4d5d9a2a;
constexpr std::uint32_t operator_fee_constant = 0x16d3bc7f;
constexpr std::uint32_t is_fjord = 0x960e3a23;
constexpr std::uint32_t is_ecotone = 0x4ef6e224;
constexpr std::uint32_t base_fee_scalar = 0xc5985918;
constexpr std::uint32_t blob_base_fee_scalar = 0x68d5dca6;
constexpr std::uint32_t blob_base_fee = 0xf8206140;
constexpr std::uint32_t overhead = 0x0c18c162;
constexpr std::uint32_t scalar = 0xf45e65d8;
constexpr std::uint32_t l1_base_fee = 0x519b4bd3;
constexpr std::uint32_t l1_base_fee_estimate = 0xf5d6ded7;

std::uint32_t selector_of(const PoolRequest& request) {
  must(request.payload.size() == 4);
  const auto& bytes = request.payload;
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
         std::uint32_t{bytes[2]} << 8U | bytes[3];
}

Integer to_integer(const u256& value) {
  Integer out = 0;
  for (int i = 3; i >= 0; --i) out = (out << 64) | value.limb(static_cast<std::size_t>(i));
  return out;
}

Integer number_of(const Bytes& bytes) {
  Integer out = 0;
  for (const std::uint8_t byte : bytes) out = (out << 8) | byte;
  return out;
}

// ---- the rules, slowly ------------------------------------------------------------------------

// What was said to each function: nothing, that there is none, or bytes.
class Rules {
 public:
  explicit Rules(const std::map<std::uint32_t, Fact>& said) : said_(said) {}

  // Nothing: it is not known. `packed`: the transaction's size as FastLZ makes it.
  std::optional<Integer> arbitrum(std::uint64_t packed) const {
    const auto price = number(l1_base_fee_estimate, 96);
    if (!price) return std::nullopt;
    const Integer units = (Integer(packed) + 96) * 16 + 256;
    return *price * (units * 101 / 100);
  }
  std::optional<Integer> op_stack(const Bytes& transaction, std::uint64_t packed,
                                  std::uint64_t gas) const {
    const auto bytes_fee = of_bytes(transaction, packed);
    const auto jovian = flag(is_jovian);
    const auto isthmus = flag(is_isthmus);
    if (!bytes_fee || !jovian || !isthmus || (*jovian && !*isthmus)) return std::nullopt;
    if (!*isthmus) return bytes_fee;
    const auto times = number(operator_fee_scalar, 32);
    const auto plus = number(operator_fee_constant, 64);
    if (!times || !plus) return std::nullopt;
    const Integer of_gas =
        *jovian ? Integer(gas) * *times * 100 : Integer(gas) * *times / 1'000'000;
    return *bytes_fee + of_gas + *plus;
  }

 private:
  std::optional<Integer> number(std::uint32_t function, unsigned bits) const {
    const auto found = said_.find(function);
    if (found == said_.end() || found->second.status != GANTRY_OK) return std::nullopt;
    if (found->second.data.size() != 32) return std::nullopt;
    const Integer value = number_of(found->second.data);
    return (value >> bits) == 0 ? std::optional(value) : std::nullopt;
  }
  std::optional<bool> flag(std::uint32_t function) const {
    const auto found = said_.find(function);
    if (found != said_.end() && found->second.status != GANTRY_OK && found->second.data.empty()) {
      return false;
    }
    const auto value = number(function, 1);
    return value ? std::optional(*value != 0) : std::nullopt;
  }
  std::optional<Integer> of_bytes(const Bytes& transaction, std::uint64_t packed) const {
    const auto base_fee = number(l1_base_fee, 96);
    const auto fjord = flag(is_fjord);
    const auto ecotone = flag(is_ecotone);
    if (!base_fee || *base_fee == 0 || !fjord || !ecotone) return std::nullopt;
    Integer units = 68 * 16;
    for (const std::uint8_t byte : transaction) units += byte == 0 ? 4 : 16;
    if (!*fjord && !*ecotone) {
      const auto plus = number(overhead, 64);
      const auto times = number(scalar, 64);
      if (!plus || !times || *times == 0) return std::nullopt;
      return (units + *plus) * *base_fee * *times / 1'000'000;
    }
    const auto base_scalar = number(base_fee_scalar, 28);
    const auto blob_scalar = number(blob_base_fee_scalar, 32);
    const auto blob_fee = number(blob_base_fee, 96);
    if (!base_scalar || !blob_scalar || !blob_fee) return std::nullopt;
    const Integer price = *base_scalar * 16 * *base_fee + *blob_scalar * *blob_fee;
    if (price == 0) return std::nullopt;
    if (!*fjord) return units * price / 16'000'000;
    Integer size = Integer(836'500) * (packed + 68) - 42'585'600;
    if (size < 100'000'000) size = 100'000'000;
    return size * price / 1'000'000'000'000;
  }

  const std::map<std::uint32_t, Fact>& said_;
};

// ---- what is said -----------------------------------------------------------------------------

// Mostly within what the function's type or sense allows.
Bytes word_for(std::uint32_t function, Input& in) {
  Bytes word(32);
  const bool is_flag = function == is_jovian || function == is_isthmus || function == is_fjord ||
                       function == is_ecotone;
  if (is_flag) {
    word[31] = static_cast<std::uint8_t>(in.one_in(16) ? in.below(4) : in.below(2));
  } else if (in.one_in(8)) {
    store_be(u256(in.amount()), word.data());
  } else {
    const std::size_t size = 1 + in.below(12);
    in.fill(word.data() + 32 - size, size);
  }
  return word;
}

Fact fact_for(const PoolRequest& request, Input& in) {
  Fact fact;
  fact.pool = request.pool;
  fact.kind = recording::FactKind::evm_call;
  fact.tag = request.tag;
  fact.source = request.target;
  switch (in.below(16)) {
    case 12:  // it has no such function
      fact.status = GANTRY_REFUSED;
      break;
    case 13:  // it reverts, with words
      fact.status = GANTRY_REFUSED;
      fact.data = in.bytes(1 + in.below(68));
      break;
    case 14:
      fact.data = in.bytes(in.below(70));
      break;
    default:
      fact.data = word_for(selector_of(request), in);
      break;
  }
  return fact;
}

// Nobody's answer to the oracle's questions: other pools', other contracts', other questions'.
Fact other_fact(const Fact& like, Input& in) {
  Fact fact = like;
  switch (in.below(4)) {
    case 0:
      fact.pool = in.below(4);
      break;
    case 1:
      fact.kind = recording::FactKind::evm_log;
      break;
    case 2:
      fact.source = fuzz::address(in);
      break;
    default:
      fact.tag = 12 + in.value<std::uint16_t>();
      break;
  }
  return fact;
}

// As aggregate3 returns what was said of each, in the order of the questions.
Bytes aggregated(const std::vector<Fact>& facts, Input& in) {
  Bytes out;
  const auto add = [&out](std::uint64_t value) {
    out.resize(out.size() + 32);
    store_be(u256(value), out.data() + out.size() - 32);
  };
  add(32);
  add(facts.size());
  std::size_t at = 32 * facts.size();
  for (const Fact& fact : facts) {
    add(at);
    at += 96 + (fact.data.size() + 31) / 32 * 32;
  }
  for (const Fact& fact : facts) {
    add(fact.status == GANTRY_OK ? 1 : 0);
    add(64);
    add(fact.data.size());
    out.insert(out.end(), fact.data.begin(), fact.data.end());
    out.resize((out.size() + 31) / 32 * 32);
  }
  if (in.one_in(16) && !out.empty())
    out[in.value<std::uint16_t>() % out.size()] = in.value<std::uint8_t>();
  if (in.one_in(32)) out.resize(in.value<std::uint16_t>() % (out.size() + 1));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const DataFeeKind kind = in.one_in(8) ? DataFeeKind::arbitrum : DataFeeKind::op_stack;
  const auto requests = data_fee_requests(kind);
  must(!requests.empty());
  std::vector<Fact> facts;
  const bool in_one_call = in.below(2) == 0;
  for (const PoolRequest& request : requests) {
    if (!in_one_call && in.one_in(32)) continue;
    facts.push_back(fact_for(request, in));
    if (!in_one_call && in.one_in(32)) facts.push_back(fact_for(request, in));
  }
  if (in_one_call) {
    const Bytes bytes = aggregated(facts, in);
    facts.clear();
    DataFeeReads(kind).take(RpcAnswer(boost::json::string(hex_text(bytes))), facts);
    must(facts.empty() || facts.size() == requests.size());
    for (std::size_t i = 0; i < facts.size(); ++i) {
      must(facts[i].tag == requests[i].tag && facts[i].pool == recording::no_pool);
      must(facts[i].data.size() <= bytes.size());
    }
  }
  // Of two answers to a question, the last counts.
  std::map<std::uint32_t, Fact> said;
  for (const Fact& fact : facts) {
    const auto asked = std::ranges::find(requests, fact.tag, &PoolRequest::tag);
    must(asked != requests.end());
    said[selector_of(*asked)] = fact;
  }
  for (std::uint32_t i = facts.empty() ? 0 : in.below(4); i != 0; --i) {
    Fact other = other_fact(facts[in.below(static_cast<std::uint32_t>(facts.size()))], in);
    const bool answers = std::ranges::any_of(requests, [&](const PoolRequest& request) {
      return request.tag == other.tag &&
             std::ranges::equal(request.target.bytes, other.source.bytes) &&
             other.pool == recording::no_pool && other.kind == recording::FactKind::evm_call;
    });
    if (!answers) facts.push_back(std::move(other));
  }

  const DataFee fee = read_data_fee(kind, facts);
  Bytes transaction = in.bytes(in.value<std::uint16_t>() % transaction_bytes_max);
  // What repeats itself is packed.
  if (in.below(2) == 0) {
    for (std::size_t i = 64; i < transaction.size(); ++i) {
      if (transaction[i] == 0) transaction[i] = transaction[i - 64];
    }
  }
  const auto gas = in.value<std::uint64_t>();
  const std::uint64_t packed = fastlz_size(transaction);
  must(packed <= transaction.size() + transaction.size() / 32 + 1);
  const Rules rules(said);
  const auto expected = kind == DataFeeKind::arbitrum ? rules.arbitrum(packed)
                                                      : rules.op_stack(transaction, packed, gas);
  must((fee.rule == DataFeeRule::unknown) == !expected);
  u256 wei;
  const bool known = data_fee_of(fee, transaction, gas, wei);
  must(known == expected.has_value());
  if (known) must(to_integer(wei) == *expected);
  return 0;
}
