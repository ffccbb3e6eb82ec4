// Signed bytes that are made again from fields, as a node tells of them and as it might not.
#include "host/live/signed_pending.hpp"

#include <algorithm>

#include "../sign/sign_fixture.hpp"
#include "host/provider/json_rpc.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::test;
namespace json = boost::json;
using sign::TransactionType;

namespace {

constexpr TransactionType all_types[] = {TransactionType::legacy, TransactionType::access_list,
                                         TransactionType::dynamic_fee};

std::string number_of(const Hash32& word) { return to_hex(load_be(word.data())); }

// As geth writes it.
json::object told_of(const std::vector<std::uint8_t>& signed_bytes) {
  const auto decoded = sign::decode_transaction(signed_bytes).value();
  const sign::Transaction& transaction = decoded.transaction;
  const bool is_legacy = transaction.type == TransactionType::legacy;
  json::object out{{"type", quantity_text(static_cast<std::uint64_t>(transaction.type))},
                   {"hash", hex_text(decoded.hash)},
                   {"from", some_address},
                   {"nonce", quantity_text(transaction.nonce)},
                   {"gas", quantity_text(transaction.gas_limit)},
                   {"gasPrice", to_hex(transaction.gas_price)},
                   {"value", to_hex(transaction.value)},
                   {"input", hex_text(transaction.data)},
                   {"r", number_of(decoded.signature.r)},
                   {"s", number_of(decoded.signature.s)},
                   {"blockHash", nullptr}};
  out["to"] = transaction.to ? json::value(hex_text(*transaction.to)) : json::value();
  const std::uint64_t parity = decoded.signature.y_parity;
  out["v"] = quantity_text(is_legacy ? 35 + 2 * transaction.chain_id + parity : parity);
  out["chainId"] = quantity_text(transaction.chain_id);
  if (is_legacy) return out;
  out["yParity"] = quantity_text(parity);
  json::array list;
  for (const auto& entry : transaction.access_list) {
    json::array keys;
    for (const Hash32& key : entry.storage_keys) keys.emplace_back(hex_text(key));
    list.push_back(json::object{{"address", hex_text(entry.address)}, {"storageKeys", keys}});
  }
  out["accessList"] = list;
  if (transaction.type == TransactionType::dynamic_fee) {
    out["maxFeePerGas"] = to_hex(transaction.max_fee);
    out["maxPriorityFeePerGas"] = to_hex(transaction.max_priority_fee);
    out["gasPrice"] = to_hex(transaction.max_fee);  // as a node tells it of one that waits
  }
  return out;
}

json::object some_told(TransactionType type) {
  return told_of(signed_by(*signer_of(some_key), some_transaction(type)));
}

std::string fault_of(const json::value& body) {
  const auto made = signed_bytes_of(body);
  return made ? "" : made.error().message;
}

}  // namespace

TEST_CASE("signed bytes are made again of each type, whoever signed and whatever is called") {
  const auto secp = curve();
  for (const auto key : {some_key, another_key}) {
    const auto signer = signer_of(key);
    for (const TransactionType type : all_types) {
      sign::Transaction transaction = some_transaction(type);
      // Numbers in the signature with and without leading zeros, of both parities.
      for (std::uint64_t nonce = 0; nonce < 300; ++nonce) {
        transaction.nonce = nonce;
        const auto sent = signed_by(*signer, transaction);
        const auto made = signed_bytes_of(told_of(sent));
        REQUIRE(made);
        REQUIRE(*made == sent);
      }
      transaction.to.reset();
      transaction.data.clear();
      transaction.access_list.clear();
      const auto sent = signed_by(*signer, transaction);
      const auto made = signed_bytes_of(told_of(sent));
      REQUIRE(made);
      CHECK(*made == sent);
      const auto read = read_signed(*made, secp);
      REQUIRE(read);
      CHECK(read->bytes == sent);
      CHECK(read->transaction == transaction);
      CHECK(hex_text(read->from) == hex_text(signer->address()));
    }
  }
}

TEST_CASE("what nodes leave out or write otherwise changes nothing") {
  for (const TransactionType type : all_types) {
    json::object body = some_told(type);
    const auto sent = signed_bytes_of(body).value();
    body["data"] = body.at("input");
    body.erase("input");
    for (const char* name : {"r", "s"}) {
      const std::string digits(std::string_view(body.at(name).as_string()).substr(2));
      body[name] = "0x" + std::string(64 - digits.size(), '0') + digits;
    }
    if (type == TransactionType::legacy) {
      body.erase("type");
      body.erase("chainId");
    } else {
      body.erase("yParity");
    }
    CHECK(signed_bytes_of(body).value() == sent);
  }
}

TEST_CASE("each field that is another, missing or none gives no bytes, with its name") {
  for (const TransactionType type : all_types) {
    const json::object good = some_told(type);
    const bool is_dynamic = type == TransactionType::dynamic_fee;
    REQUIRE(fault_of(good).empty());
    for (const char* name : {"nonce", "gas", "value", "gasPrice", "maxFeePerGas",
                             "maxPriorityFeePerGas", "chainId", "r", "s", "to", "input", "hash"}) {
      INFO(name << " of type " << static_cast<int>(type));
      const std::string_view field = name;
      // Not of what is signed.
      if (!good.contains(name) || (field == "gasPrice" && is_dynamic) ||
          (field == "chainId" && type == TransactionType::legacy)) {
        continue;
      }
      json::object other = good;
      std::string text(other.at(name).as_string());
      text.back() = text.back() == '1' ? '2' : '1';
      other[name] = text;
      CHECK(fault_of(other) == "is told of with fields that do not hash to its hash");
      for (const json::value& none : {json::value("0xzz"), json::value(7), json::value("")}) {
        json::object broken = good;
        broken[name] = none;
        CHECK(fault_of(broken) ==
              "is told of without its signed bytes: missing or wrong is its " + std::string(field));
      }
      json::object without = good;
      without.erase(name);
      // Without a recipient a contract is made.
      CHECK(fault_of(without) ==
            (field == "to" ? "is told of with fields that do not hash to its hash"
                           : "is told of without its signed bytes: missing or wrong is its " +
                                 std::string(field)));
    }
  }
}

TEST_CASE("another type, another signature and what is no transaction give no bytes") {
  json::object body = some_told(TransactionType::dynamic_fee);
  for (const char* type : {"0x3", "0x4", "0xffffffffffffffff"}) {
    body["type"] = type;
    CHECK(fault_of(body).ends_with(", and only 0, 1 and 2 are written"));
  }
  body["type"] = "0x1";
  CHECK(fault_of(body) == "is told of with fields that do not hash to its hash");
  body["type"] = "0x2";
  body["yParity"] = "0x2";
  CHECK(fault_of(body).ends_with("its yParity"));
  body["yParity"] = body.at("v") == "0x0" ? "0x1" : "0x0";
  CHECK(fault_of(body) == "is told of with fields that do not hash to its hash");
  json::object old = some_told(TransactionType::legacy);
  old["v"] = "0x1b";
  CHECK(fault_of(old).ends_with("its v, which names no chain (EIP-155)"));
  old["v"] = "0xffffffffffffffff";
  CHECK(fault_of(old).starts_with("holds what no chain takes: "));
  for (const json::value& list :
       {json::value(7), json::value(json::array{7}),
        json::value(json::array{json::object{{"address", "0x12"}, {"storageKeys", json::array{}}}}),
        json::value(json::array{json::object{{"address", some_address}}}),
        json::value(json::array{
            json::object{{"address", some_address}, {"storageKeys", json::array{"0x12"}}}})}) {
    json::object listed = some_told(TransactionType::access_list);
    listed["accessList"] = list;
    CHECK(fault_of(listed).ends_with("its accessList"));
  }
  for (const char* nonsense : {"1", "{}", "[]", "null", "\"0x12\""}) {
    CHECK_FALSE(fault_of(json::parse(nonsense)).empty());
  }
  const auto secp = curve();
  CHECK_FALSE(read_signed({}, secp));
  CHECK_FALSE(read_signed(bytes("0x02c0"), secp));
}
