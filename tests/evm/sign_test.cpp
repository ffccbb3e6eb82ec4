// Signing, RLP, hashes of messages and of user operations are viem's, to the byte, over random
// inputs, and so is a smart account's call; keystores are ethers'.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "../host/sign/sign_fixture.hpp"
#include "host/plan/abi.hpp"
#include "host/sign/message.hpp"
#include "host/sign/rlp.hpp"
#include "node_output.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::sign;
using namespace gantry::host::test;
namespace json = boost::json;

namespace {

constexpr int inputs = 2000;  // of each kind
constexpr std::uint64_t seed = 20261122;

std::vector<json::value> lines_of(const std::string& text) {
  std::vector<json::value> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
  return out;
}

std::vector<json::value> oracle(const std::string& kind) {
  auto out = lines_of(gantry::test::node_output(
      "sign_oracle.mjs", kind + " " + std::to_string(inputs) + " " + std::to_string(seed)));
  REQUIRE(out.size() == inputs);
  return out;
}

std::string text(const json::value& object, std::string_view name) {
  return std::string(object.at(name).as_string());
}
u256 number(const json::value& object, std::string_view name) {
  return parse_hex(text(object, name)).value();
}
std::optional<EvmAddress> address_or_none(const json::value& object, std::string_view name) {
  if (object.at(name).is_null()) return std::nullopt;
  return address(text(object, name));
}

// ---- RLP ----------------------------------------------------------------------------------------

std::size_t payload_of(const json::array& items);
std::size_t size_of_item(const json::value& item) {
  if (!item.is_array()) return rlp::size_of(bytes(item.as_string()));
  const std::size_t payload = payload_of(item.get_array());
  return rlp::list_header_size(payload) + payload;
}
std::size_t payload_of(const json::array& items) {
  std::size_t size = 0;
  for (const json::value& item : items) size += size_of_item(item);
  return size;
}

void write_item(rlp::Writer& out, const json::value& item) {
  if (!item.is_array()) return out.text(bytes(item.as_string()));
  out.list(payload_of(item.get_array()));
  for (const json::value& inner : item.get_array()) write_item(out, inner);
}

bool reads_as(rlp::Reader& reader, const json::value& item) {
  if (!item.is_array()) {
    const auto got = reader.text();
    return got && std::ranges::equal(*got, bytes(item.as_string()));
  }
  auto list = reader.list();
  if (!list) return false;
  for (const json::value& inner : item.get_array()) {
    if (!reads_as(*list, inner)) return false;
  }
  return list->at_end();
}

// ---- transactions -------------------------------------------------------------------------------

Transaction transaction_of(const json::value& row, TransactionType type) {
  Transaction out;
  out.type = type;
  out.chain_id = number(row, "chain").limb(0);
  out.nonce = number(row, "nonce").limb(0);
  out.gas_price = number(row, "gas_price");
  out.max_fee = number(row, "max_fee");
  out.max_priority_fee = number(row, "priority");
  out.gas_limit = number(row, "gas").limb(0);
  out.to = address_or_none(row, "to");
  out.value = number(row, "value");
  out.data = bytes(text(row, "data"));
  for (const json::value& entry : row.at("access_list").as_array()) {
    AccessListEntry& added = out.access_list.emplace_back();
    added.address = address(text(entry, "address"));
    for (const json::value& key : entry.at("storageKeys").as_array()) {
      added.storage_keys.push_back(hash(key.as_string()));
    }
  }
  return out;
}

void compare_transactions(const std::string& kind, TransactionType type) {
  const Curve secp = curve();
  for (const json::value& row : oracle(kind)) {
    const Transaction transaction = transaction_of(row, type);
    const auto signer = signer_of(text(row, "key"));
    std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction));
    const auto made = signer->sign(transaction, buffer);
    REQUIRE(made.has_value());
    REQUIRE(checksummed_address(signer->address()) == text(row, "address"));
    REQUIRE(hex_text(signing_hash(transaction)) == text(row, "signing_hash"));
    REQUIRE(hex_text(made->bytes) == text(row, "signed"));
    REQUIRE(hex_text(made->hash) == text(row, "hash"));
    const auto decoded = decode_transaction(made->bytes);
    REQUIRE(decoded.has_value());
    REQUIRE(decoded->transaction == transaction);
    REQUIRE(sender_of(*decoded, secp).value() == signer->address());
  }
}

// ---- user operations ----------------------------------------------------------------------------

UserOperation operation_of(const json::value& row) {
  UserOperation out;
  out.sender = address(text(row, "sender"));
  out.nonce = number(row, "nonce");
  out.factory = address_or_none(row, "factory");
  out.factory_data = bytes(text(row, "factory_data"));
  out.call_data = bytes(text(row, "call_data"));
  out.call_gas_limit = number(row, "call_gas");
  out.verification_gas_limit = number(row, "verification_gas");
  out.pre_verification_gas = number(row, "pre_verification_gas");
  out.max_fee = number(row, "max_fee");
  out.max_priority_fee = number(row, "priority");
  out.paymaster = address_or_none(row, "paymaster");
  const json::array& limits = row.at("limits").as_array();
  out.paymaster_verification_gas_limit = parse_hex(limits[0].as_string()).value();
  out.paymaster_post_op_gas_limit = parse_hex(limits[1].as_string()).value();
  out.paymaster_data = bytes(text(row, "paymaster_data"));
  out.signature = bytes(text(row, "user_signature"));
  out.delegate = address_or_none(row, "delegate");
  return out;
}

// Of v0.8 also the typed data that a remote signer is given, each on a line of `typed`.
void compare_operations(EntryPointVersion version, std::string* typed = nullptr,
                        std::string* hashes = nullptr) {
  for (const json::value& row : oracle(std::string(to_string(version)))) {
    const UserOperation operation = operation_of(row);
    const EntryPoint entry_point{version, address(text(row, "entry_point")),
                                 number(row, "chain").limb(0)};
    REQUIRE(check_user_operation(operation, version).has_value());
    REQUIRE(hex_text(user_operation_hash(operation, entry_point)) == text(row, "hash"));
    const auto made = signer_of(text(row, "key"))->sign_user_operation(operation, entry_point);
    REQUIRE(made.has_value());
    REQUIRE(hex_text(signature_bytes(*made)) == text(row, "signature"));
    REQUIRE(json::value(user_operation_json(operation, version)) == row.at("json"));
    if (!row.at("packed").is_null()) {
      const PackedUserOperation packed = pack(operation);
      const json::array& wanted = row.at("packed").as_array();
      REQUIRE(hex_text(packed.init_code) == wanted[0].as_string());
      REQUIRE(hex_text(packed.account_gas_limits) == wanted[1].as_string());
      REQUIRE(hex_text(packed.gas_fees) == wanted[2].as_string());
      REQUIRE(hex_text(packed.paymaster_and_data) == wanted[3].as_string());
    }
    if (typed != nullptr && !operation.delegate) {
      *typed += json::serialize(user_operation_typed_data(operation, entry_point)) + "\n";
      *hashes += text(row, "hash") + "\n";
    }
  }
}

}  // namespace

TEST_CASE("RLP of random nested lists is viem's, and is read back") {
  for (const json::value& row : oracle("rlp")) {
    const json::value& item = row.at("item");
    std::vector<std::uint8_t> buffer(size_of_item(item));
    rlp::Writer writer(buffer);
    write_item(writer, item);
    REQUIRE(writer.size() == buffer.size());
    REQUIRE(hex_text(buffer) == text(row, "encoded"));
    rlp::Reader reader(buffer);
    REQUIRE(reads_as(reader, item));
    REQUIRE(reader.at_end());
  }
}

TEST_CASE("signed transactions of type 0 are viem's") {
  compare_transactions("legacy", TransactionType::legacy);
}
TEST_CASE("signed transactions of type 1 are viem's") {
  compare_transactions("access_list", TransactionType::access_list);
}
TEST_CASE("signed transactions of type 2 are viem's") {
  compare_transactions("dynamic_fee", TransactionType::dynamic_fee);
}

TEST_CASE("signed messages, and the header that relays want, are viem's") {
  for (const json::value& row : oracle("message")) {
    const auto message = bytes(text(row, "message"));
    const auto signer = signer_of(text(row, "key"));
    REQUIRE(hex_text(message_hash(message)) == text(row, "hash"));
    const auto made = signer->sign_message(message);
    REQUIRE(made.has_value());
    REQUIRE(hex_text(signature_bytes(*made)) == text(row, "signature"));
    const std::string to_sign = relay_message(text(row, "body"));
    const auto relayed = signer->sign_message(
        {reinterpret_cast<const std::uint8_t*>(to_sign.data()), to_sign.size()});
    REQUIRE(relayed.has_value());
    REQUIRE(relay_header(signer->address(), *relayed) == text(row, "header"));
  }
}

TEST_CASE("user operations of EntryPoint 0.6 are viem's: hash, signature and JSON") {
  compare_operations(EntryPointVersion::v0_6);
}
TEST_CASE("user operations of EntryPoint 0.7 are viem's: hash, packed form, signature and JSON") {
  compare_operations(EntryPointVersion::v0_7);
}
TEST_CASE("user operations of EntryPoint 0.8 are viem's, with EIP-7702 and as typed data") {
  std::string typed;
  std::string hashes;
  compare_operations(EntryPointVersion::v0_8, &typed, &hashes);
  const gantry::test::TemporaryFolder folder;
  const auto file = folder.write("typed.jsonl", typed);
  const std::string got =
      gantry::test::node_output("typed_data_hash.mjs", "'" + file.string() + "'");
  CHECK(std::ranges::count(got, '\n') > inputs / 2);
  CHECK(got == hashes);
}

TEST_CASE("a smart account's execute is viem's") {
  for (const json::value& row : oracle("execute")) {
    const auto data = bytes(text(row, "data"));
    const auto encoded =
        abi::account_execute({to_gantry(address(text(row, "target"))), number(row, "value"), data});
    REQUIRE(hex_text(encoded) == text(row, "encoded"));
  }
}

TEST_CASE("ethers opens a keystore of Gantry's, and Gantry one of ethers'") {
  const gantry::test::TemporaryFolder folder;
  const std::string password = "pässword with blanks";
  REQUIRE(::setenv("KEYSTORE_PASSWORD", password.c_str(), 1) == 0);
  const auto made = make_keystore(secret(another_key), secret_of(password), curve(),
                                  system_random(), KeystoreCost::light);
  REQUIRE(made.has_value());
  const auto file = folder.write("ours.json", *made);
  CHECK(gantry::test::node_output("keystore.mjs", "read '" + file.string() + "'") ==
        std::string(another_key) + "\n");

  const std::string theirs =
      gantry::test::node_output("keystore.mjs", "write " + std::string(some_key) + " 8192");
  const auto keystore = Keystore::parse(theirs, "theirs");
  REQUIRE(keystore.has_value());
  CHECK(keystore->decrypt(secret_of(password), curve()).value() == secret(some_key));
  CHECK(hex_text(keystore->address().value()) == some_address);
  CHECK_FALSE(keystore->decrypt(secret_of("password"), curve()).has_value());
}
