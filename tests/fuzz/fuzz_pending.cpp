// Transactions that wait: what a node's words say of one, and what each venue reads of its
// calldata. The first byte chooses. Calls are made as the functions that are known have them, from
// the bytes, and some are spoilt; others are the bytes as they come. A venue is called through its
// table, as the host calls it.
//
// What has to hold: a swap that is told of makes sense, as the host demands it; the same
// transaction gives the same swaps; a transaction is what it was after it was recorded; signed
// bytes come back from the fields that tell of them, and never others than the hash names.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/pending.h"
#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/pending_pool.hpp"
#include "host/live/signed_pending.hpp"
#include "host/market/pending_rules.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/provider/json_rpc.hpp"
#include "tests/fuzz/dex_instance.hpp"

// Linked in, not loaded; CMakeLists.txt gives each its name.
extern "C" const gantry_plugin_entry gantry_plugin_uniswap_v2;
extern "C" const gantry_plugin_entry gantry_plugin_uniswap_v3;
extern "C" const gantry_plugin_entry gantry_plugin_curve;
extern "C" const gantry_plugin_entry gantry_plugin_balancer;

namespace {

using namespace gantry;
using namespace gantry::host;
using gantry::fuzz::Input;
using gantry::fuzz::must;
using recording::Bytes;

constexpr int multicalls_deep_max = 2;
constexpr int plans_deep_max = 6;  // more than are read

// ---- venues -----------------------------------------------------------------------------------

class Venue {
 public:
  Venue(const gantry_plugin_entry& plugin, const std::vector<fuzz::Parameter>& given)
      : dex_(static_cast<const gantry_dex_v1*>(plugin.get_interface(GANTRY_DEX_ID))),
        object_(fuzz::make_dex(*dex_, given)) {
    table_ = static_cast<const gantry_dex_pending_v1*>(
        dex_->get_extension(object_, GANTRY_DEX_PENDING_ID));
    must(table_ != nullptr);
    const gantry_address_sink sink{
        &routers_, [](void* self, const gantry_address* address) -> gantry_status {
          must(is_account(*address));
          static_cast<std::vector<gantry_address>*>(self)->push_back(*address);
          return GANTRY_OK;
        }};
    must(table_->routers(object_, &sink) == GANTRY_OK && !routers_.empty());
  }
  Venue(const Venue&) = delete;
  Venue& operator=(const Venue&) = delete;
  ~Venue() { dex_->destroy(object_); }

  const std::vector<gantry_address>& routers() const { return routers_; }
  // Nothing: it was refused, and nothing that was emitted counts.
  std::vector<gantry_pending_swap> read(const gantry_pending_transaction& transaction) const {
    std::vector<gantry_pending_swap> swaps;
    const gantry_pending_sink sink{
        &swaps, [](void* self, const gantry_pending_swap* swap) -> gantry_status {
          auto& all = *static_cast<std::vector<gantry_pending_swap>*>(self);
          must(makes_sense(*swap));
          must((swap->flags & ~std::uint32_t{GANTRY_PENDING_MAY_STOP}) == 0);
          if (all.size() == GANTRY_PENDING_SWAPS_MAX) return GANTRY_REFUSED;
          all.push_back(*swap);
          return GANTRY_OK;
        }};
    const auto status = table_->decode(object_, &transaction, &sink);
    must(status == GANTRY_OK || status == GANTRY_UNSUPPORTED || status == GANTRY_BAD_STATE ||
         status == GANTRY_REFUSED);
    if (status != GANTRY_OK) swaps.clear();
    return swaps;
  }

 private:
  const gantry_dex_v1* dex_;
  gantry_dex_instance* object_ = nullptr;
  const gantry_dex_pending_v1* table_ = nullptr;
  std::vector<gantry_address> routers_;
};

const Venue& venue(std::size_t number) {
  constexpr const char* hash = "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f";
  constexpr const char* router = "0x00000000000000000000000000000000000000a1";
  constexpr const char* pools =
      "0x00000000000000000000000000000000000000a2:0x1000000000000000000000000000000000000001:"
      "0x1000000000000000000000000000000000000002:0x1000000000000000000000000000000000000003 "
      "0x00000000000000000000000000000000000000a3:0x1000000000000000000000000000000000000001:"
      "0x1000000000000000000000000000000000000001";
  static const Venue v2(gantry_plugin_uniswap_v2,
                        {{"fee_bps", "", 30, GANTRY_PARAMETER_INTEGER},
                         {"factory", "0x00000000000000000000000000000000000000fa"},
                         {"discover_tokens"},
                         {"init_code_hash", hash},
                         {"pending_routers", router}});
  static const Venue v3(gantry_plugin_uniswap_v3,
                        {{"factory", "0x00000000000000000000000000000000000000fa"},
                         {"router"},
                         {"router_deadline", "", 1, GANTRY_PARAMETER_BOOLEAN},
                         {"discover_tokens"},
                         {"words_around", "", 4, GANTRY_PARAMETER_INTEGER},
                         {"pending_routers", router},
                         {"init_code_hash", hash}});
  static const Venue curve(gantry_plugin_curve,
                           {{"variant"}, {"pending_routers", router}, {"pending_pools", pools}});
  static const std::vector<fuzz::Parameter> of_balancer = {
      {"variant"},
      {"vault", "0x00000000000000000000000000000000000000f2"},
      {"vault_v3", "0x00000000000000000000000000000000000000f3"},
      {"router_v3"},
      {"pending_routers", router},
      {"wrapped_native"}};
  static const Venue balancer(gantry_plugin_balancer, of_balancer);
  static const Venue balancer_of_coin(gantry_plugin_balancer, [] {
    auto with = of_balancer;
    with.back().string = "0x1000000000000000000000000000000000000001";
    return with;
  }());
  const std::array all = {&v2, &v3, &curve, &balancer, &balancer_of_coin};
  return *all[number % all.size()];
}

// ---- calldata ---------------------------------------------------------------------------------

// A value as the ABI has it: in its place, or elsewhere with its place told.
struct Value {
  Bytes bytes;
  bool is_dynamic = false;
};

void append(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes word(const u256& value) {
  Bytes bytes(32);
  store_be(value, bytes.data());
  return bytes;
}

Bytes tuple(const std::vector<Value>& values) {
  std::size_t at = 0;
  for (const Value& value : values) at += value.is_dynamic ? 32 : value.bytes.size();
  Bytes heads;
  Bytes tails;
  for (const Value& value : values) {
    if (value.is_dynamic) {
      append(heads, word(u256(at + tails.size())));
      append(tails, value.bytes);
    } else {
      append(heads, value.bytes);
    }
  }
  append(heads, tails);
  return heads;
}

Value list(const std::vector<Value>& values) {
  Bytes bytes = word(u256(values.size()));
  append(bytes, tuple(values));
  return {std::move(bytes), true};
}

Value counted(const Bytes& raw) {
  Bytes bytes = word(u256(raw.size()));
  append(bytes, raw);
  bytes.resize((bytes.size() + 31) / 32 * 32);
  return {std::move(bytes), true};
}

// A function, and its arguments in letters; see Calls::value().
struct Function {
  std::uint32_t selector;
  std::string_view arguments;
};
constexpr std::array functions = {
    // UniswapV2Router02
    Function{0x38ed1739, "uuPat"},
    Function{0x18cbafe5, "uuPat"},
    Function{0x7ff36ab5, "uPat"},
    Function{0x8803dbee, "uuPat"},
    Function{0x4a25d94a, "uuPat"},
    Function{0xfb3bdb41, "uPat"},
    Function{0x5c11d795, "uuPat"},
    Function{0x791ac947, "uuPat"},
    Function{0xb6f9de95, "uPat"},
    // SwapRouter02's of V2, SwapRouter's and SwapRouter02's of V3
    Function{0x472b43f3, "uuPa"},
    Function{0x42712a67, "uuPa"},
    Function{0x414bf389, "aafatuuu"},
    Function{0xc04b8d59, "(patuu)"},
    Function{0xdb3e2198, "aafatuuu"},
    Function{0xf28c0498, "(patuu)"},
    Function{0x04e45aaf, "aafauuu"},
    Function{0xb858183f, "(pauu)"},
    Function{0x5023b4df, "aafauuu"},
    Function{0x09b81346, "(pauu)"},
    // multicall
    Function{0xac9650d8, "M"},
    Function{0x5ae401dc, "tM"},
    Function{0x1f0464d1, "uM"},
    // the Universal Router's execute
    Function{0x24856bc3, "X"},
    Function{0x3593564c, "Xt"},
    // Curve's exchange, of pools and of the router
    Function{0x3df02124, "nnuu"},
    Function{0xddc1f59d, "nnuua"},
    Function{0x5b41b908, "nnuu"},
    Function{0xa64833a0, "nnuua"},
    Function{0x394747c5, "nnuub"},
    Function{0xce7d6503, "nnuuba"},
    Function{0x371dc447, "aaaaaaaaaaannnnnnnnnnnnnnnnnnnnnnnnnuu"},
    Function{0x5c9c18e2, "aaaaaaaaaaannnnnnnnnnnnnnnnnnnnnnnnnuuaaaaa"},
    Function{0xc872a3c5, "aaaaaaaaaaannnnnnnnnnnnnnnnnnnnnnnnnuuaaaaaa"},
    // Balancer's swap, batchSwap and single swaps
    Function{0x52bbbe29,
             "(ibaauB)abab"
             "ut"},
    Function{0x945bcec9,
             "bSLabab"
             "Ut"},
    Function{0x750283bc, "aaauutbB"},
    Function{0x94e86ef8, "aaauutbB"},
    Function{0x409988cf, "aaauutB"},
    Function{0xfed29367, "aaauutB"},
};

class Calls {
 public:
  explicit Calls(Input& in) : in_(in) {}

  Bytes call(int depth = 0) {
    const Function& function = functions[in_.below(functions.size())];
    Bytes bytes(4);
    for (unsigned i = 0; i < 4; ++i) {
      bytes[i] = static_cast<std::uint8_t>(function.selector >> (24U - 8U * i));
    }
    depth_ = depth;
    std::string_view letters = function.arguments;
    append(bytes, tuple(values(letters)));
    return bytes;
  }

 private:
  std::vector<Value> values(std::string_view& letters) {
    std::vector<Value> all;
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (letter == ')') break;
      if (letter == '(') {
        all.push_back({tuple(values(letters)), true});
      } else if (letter == 'X') {
        auto [commands, inputs] = plan(1);
        all.push_back(std::move(commands));
        all.push_back(std::move(inputs));
      } else {
        all.push_back(value(letter));
      }
    }
    return all;
  }

  Value value(char letter) {
    switch (letter) {
      case 'a':
        return {address()};
      case 'b':
        return {word(u256(in_.below(2)))};
      case 'f':
        return {word(u256(in_.value<std::uint16_t>()))};
      case 'i': {  // a pool's id
        Bytes id = address();
        std::rotate(id.begin(), id.begin() + 12, id.end());
        return {std::move(id)};
      }
      case 'n':
        return {word(u256(in_.below(11)))};
      case 't':
        return {
            word(u256(in_.one_in(4) ? in_.amount() : gantry_amount{{in_.value<std::uint32_t>()}}))};
      case 'u':
        return {word(u256(in_.amount()))};
      case 'p':
        return counted(path());
      case 'B':
        return counted(in_.bytes(in_.below(40)));
      case 'M':
        return multicall();
      default:
        return several(letter);
    }
  }

  // Lists: of addresses, of numbers, and of a batch's steps.
  Value several(char letter) {
    std::vector<Value> all;
    const std::uint32_t count = in_.below(letter == 'S' ? 20 : 11);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (letter == 'S') {
        std::string_view step = "innuB";
        all.push_back({tuple(values(step)), true});
      } else {
        all.push_back(value(letter == 'U' ? 'u' : 'a'));
      }
    }
    return list(all);
  }

  Value multicall() {
    std::vector<Value> all;
    if (depth_ < multicalls_deep_max) {
      const int depth = depth_;
      for (std::uint32_t i = in_.below(4); i != 0; --i) all.push_back(counted(call(depth + 1)));
      depth_ = depth;
    }
    return list(all);
  }

  std::pair<Value, Value> plan(int depth) {
    constexpr std::array<std::uint8_t, 8> types = {0x00, 0x01, 0x08, 0x09, 0x21, 0x80, 0x89, 0x0b};
    Bytes commands;
    std::vector<Value> inputs;
    for (std::uint32_t i = in_.below(6); i != 0; --i) {
      const std::uint8_t type = types[in_.below(types.size())];
      commands.push_back(type);
      if (type == 0x21) {
        if (depth == plans_deep_max) {
          inputs.push_back(counted({}));
          continue;
        }
        auto [inner_commands, inner_inputs] = plan(depth + 1);
        inputs.push_back(counted(tuple({std::move(inner_commands), std::move(inner_inputs)})));
      } else {
        std::string_view swap = (type & 8U) != 0 ? "auuPb" : "auupb";
        inputs.push_back(counted(tuple(values(swap))));
      }
    }
    if (in_.one_in(16)) commands.push_back(in_.value<std::uint8_t>());
    return {counted(commands), list(inputs)};
  }

  // One of a few, so that hops join.
  Bytes address() {
    Bytes bytes(32);
    const std::uint32_t kind = in_.below(16);
    if (kind == 15) return in_.bytes(32);
    if (kind == 14) std::fill(bytes.begin() + 12, bytes.end(), std::uint8_t{0xee});
    if (kind < 12) {
      bytes[12] = 0x10;
      bytes[31] = static_cast<std::uint8_t>(1 + kind);
    }
    return bytes;
  }
  Bytes path() {
    Bytes bytes;
    for (std::uint32_t i = 1 + in_.below(10); i != 0; --i) {
      if (!bytes.empty()) append(bytes, {0, in_.value<std::uint8_t>(), 0x64});
      const Bytes token = address();
      bytes.insert(bytes.end(), token.begin() + 12, token.end());
    }
    if (in_.one_in(16)) append(bytes, in_.bytes(1 + in_.below(24)));
    return bytes;
  }

  Input& in_;
  int depth_ = 0;
};

void spoil(Bytes& bytes, Input& in) {
  for (std::uint32_t turns = 1 + in.below(3); turns != 0 && !bytes.empty(); --turns) {
    const std::size_t place = in.value<std::uint16_t>() % bytes.size();
    const std::size_t last = std::min(4 + place / 32 * 32 + 31, bytes.size() - 1);
    switch (in.below(4)) {
      case 0:
        bytes[place] = in.value<std::uint8_t>();
        break;
      case 1:  // an offset or a count
        bytes[last] = static_cast<std::uint8_t>(in.below(12) * 32);
        break;
      case 2:
        bytes[last] = in.value<std::uint8_t>();
        break;
      default:
        bytes.resize(place);
        break;
    }
  }
}

// ---- what is done with it ---------------------------------------------------------------------

bool same(const gantry_pending_swap& a, const gantry_pending_swap& b) {
  return std::memcmp(&a, &b, offsetof(gantry_pending_swap, hops)) == 0 &&
         std::memcmp(a.hops, b.hops, a.hop_count * sizeof(gantry_pending_hop)) == 0;
}

void read_by(const Venue& venue, Input& in, bool raw) {
  gantry_pending_transaction transaction{};
  transaction.to = venue.routers()[in.below(static_cast<std::uint32_t>(venue.routers().size()))];
  transaction.value = in.one_in(4) ? in.amount() : gantry_amount{};
  Bytes input;
  if (raw) {
    input = in.bytes(in.value<std::uint16_t>() % 2048);
  } else {
    const bool spoilt = in.one_in(4);
    input = Calls(in).call();
    if (spoilt) spoil(input, in);
  }
  input = Bytes(input);  // no room behind it
  transaction.input = {input.data(), input.size()};
  const auto swaps = venue.read(transaction);
  const auto again = venue.read(transaction);
  must(swaps.size() == again.size());
  for (std::size_t i = 0; i < swaps.size(); ++i) must(same(swaps[i], again[i]));
}

std::string quantity(const gantry_amount& amount) { return to_hex(u256(amount)); }

// One field that a node left out, or had otherwise.
void spoil(boost::json::object& body, Input& in) {
  auto at = body.begin() + in.below(static_cast<std::uint32_t>(body.size()));
  const Bytes raw = in.bytes(in.below(70));
  switch (in.below(4)) {
    case 0:
      at->value() = boost::json::string(std::string(raw.begin(), raw.end()));
      break;
    case 1:
      at->value() = hex_text(raw);
      break;
    case 2:
      at->value() = nullptr;
      break;
    default:
      body.erase(at);
      break;
  }
}

// A node's words, mostly as they should be.
void take_from_node(Input& in) {
  namespace json = boost::json;
  PendingTransaction sent;
  in.fill(sent.hash.data(), sent.hash.size());
  sent.from = fuzz::address_of(GANTRY_ADDRESS_EVM, in.value<std::uint8_t>());
  sent.to = fuzz::address_of(GANTRY_ADDRESS_EVM, in.value<std::uint8_t>());
  sent.value = in.amount();
  sent.gas_price = in.amount();
  sent.gas_tip = in.amount();
  sent.nonce = in.value<std::uint64_t>();
  sent.input = in.bytes(in.value<std::uint16_t>() % 300);
  json::object body{{"hash", hex_text(sent.hash)},
                    {"from", hex_text({sent.from.bytes, 20})},
                    {"to", hex_text({sent.to.bytes, 20})},
                    {"value", quantity(sent.value)},
                    {"maxFeePerGas", quantity(sent.gas_price)},
                    {"maxPriorityFeePerGas", quantity(sent.gas_tip)},
                    {"nonce", quantity(gantry_amount{{sent.nonce}})},
                    {"input", hex_text(sent.input)}};
  const bool spoilt = in.below(2) != 0;
  if (spoilt) spoil(body, in);
  const auto taken = parse_pending(body);
  must(spoilt || taken);
  if (!taken) return;
  if (!spoilt) must(encode(*taken) == encode(sent));
  const Bytes recorded = encode(*taken);
  const auto back = decode_pending(recorded);
  must(back && encode(*back) == recorded);
}

sign::Transaction signed_transaction(Input& in) {
  sign::Transaction out;
  out.type = static_cast<sign::TransactionType>(in.below(3));
  out.chain_id = 1 + in.value<std::uint32_t>();
  out.nonce = in.value<std::uint32_t>();
  const u256 price = u256(in.amount());
  if (out.type == sign::TransactionType::dynamic_fee) {
    out.max_fee = price;
    out.max_priority_fee = std::min(price, u256(in.amount()));
  } else {
    out.gas_price = price;
  }
  out.gas_limit = in.value<std::uint64_t>();
  if (!in.one_in(8)) {
    auto& to = out.to.emplace();
    in.fill(to.data(), to.size());
  }
  out.value = u256(in.amount());
  out.data = in.bytes(in.value<std::uint16_t>() % 300);
  if (out.type == sign::TransactionType::legacy) return out;
  for (std::uint32_t i = in.below(3); i > 0; --i) {
    auto& entry = out.access_list.emplace_back();
    in.fill(entry.address.data(), entry.address.size());
    entry.storage_keys.resize(in.below(3));
    for (auto& key : entry.storage_keys) in.fill(key.data(), key.size());
  }
  return out;
}

boost::json::object told_of(const sign::Transaction& sent, const sign::Signature& signature,
                            const Hash32& hash) {
  namespace json = boost::json;
  const bool is_legacy = sent.type == sign::TransactionType::legacy;
  json::array entries;
  for (const auto& entry : sent.access_list) {
    json::array keys;
    for (const auto& key : entry.storage_keys) keys.emplace_back(hex_text(key));
    entries.push_back(json::object{{"address", hex_text(entry.address)}, {"storageKeys", keys}});
  }
  json::object body{{"hash", hex_text(hash)},
                    {"type", quantity_text(static_cast<std::uint64_t>(sent.type))},
                    {"chainId", quantity_text(sent.chain_id)},
                    {"nonce", quantity_text(sent.nonce)},
                    {"gas", quantity_text(sent.gas_limit)},
                    {"gasPrice", to_hex(sent.gas_price)},
                    {"maxFeePerGas", to_hex(sent.max_fee)},
                    {"maxPriorityFeePerGas", to_hex(sent.max_priority_fee)},
                    {"to", nullptr},
                    {"value", to_hex(sent.value)},
                    {"input", hex_text(sent.data)},
                    {"r", to_hex(load_be(signature.r.data()))},
                    {"s", to_hex(load_be(signature.s.data()))}};
  if (sent.to) body["to"] = hex_text(*sent.to);
  if (is_legacy) {
    body["v"] = quantity_text(35 + 2 * sent.chain_id + signature.y_parity);
  } else {
    body["accessList"] = std::move(entries);
    body[signature.r[0] % 2 == 0 ? "yParity" : "v"] = quantity_text(signature.y_parity);
  }
  return body;
}

// The bytes that were signed come back from their fields; from spoilt ones, what has their hash or
// nothing. (A fuzzer finds fields that hash to the hash that stands there: it sees both compared.)
void make_signed_bytes(Input& in) {
  const sign::Transaction sent = signed_transaction(in);
  sign::Signature signature;
  in.fill(signature.r.data(), signature.r.size());
  in.fill(signature.s.data(), signature.s.size());
  signature.y_parity = static_cast<std::uint8_t>(in.below(2));
  if (!sign::check_transaction(sent)) return;
  Bytes buffer(sign::TransactionEncoder::buffer_size(sent));
  const auto bytes = sign::TransactionEncoder(sent, buffer).signed_bytes(signature);
  auto body = told_of(sent, signature, keccak_of(bytes));
  const auto made = signed_bytes_of(body);
  must(made && std::ranges::equal(*made, bytes));

  spoil(body, in);
  const auto other = signed_bytes_of(body);
  if (!other) return;
  must(std::ranges::equal(keccak_of(*other), bytes_of(body.at("hash")).value()));
  must(sign::decode_transaction(*other).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Input in(data + 1, size - 1);
  const std::uint32_t chosen = data[0] % 16U;
  if (chosen == 0) {
    take_from_node(in);
  } else if (chosen == 1) {
    const Bytes bytes(data + 1, data + size);
    if (const auto transaction = decode_pending(bytes)) must(encode(*transaction) == bytes);
  } else if (chosen == 15) {
    make_signed_bytes(in);
  } else {
    read_by(venue(in.below(5)), in, chosen == 2);
  }
  return 0;
}
