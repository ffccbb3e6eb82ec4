#include <random>

#include "host/sign/message.hpp"
#include "host/sign/rlp.hpp"
#include "sign_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::sign;
using namespace gantry::host::test;

namespace {

constexpr TransactionType all_types[] = {TransactionType::legacy, TransactionType::access_list,
                                         TransactionType::dynamic_fee};

std::string fault_of(const Transaction& transaction) {
  const auto checked = check_transaction(transaction);
  return checked ? "" : checked.error().message;
}

bool reads_as_text(std::string_view hex) {
  const auto all = bytes(hex);
  rlp::Reader reader(all);
  return reader.text().has_value() && reader.at_end();
}

}  // namespace

TEST_CASE("EIP-155's own example gives its hash and its bytes") {
  Transaction transaction;
  transaction.type = TransactionType::legacy;
  transaction.chain_id = 1;
  transaction.nonce = 9;
  transaction.gas_price = u256(20'000'000'000U);
  transaction.gas_limit = 21'000;
  transaction.to = address("0x3535353535353535353535353535353535353535");
  transaction.value = u256(1'000'000'000'000'000'000U);
  CHECK(hex_text(signing_hash(transaction)) ==
        "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
  const auto signer = signer_of(some_key);
  CHECK(hex_text(signer->address()) == some_address);
  CHECK(hex_text(signed_by(*signer, transaction)) ==
        "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
        "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb7"
        "03304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
}

TEST_CASE("a signed transaction is read again, and is its signer's") {
  const Curve secp = curve();
  const auto signer = signer_of(some_key);
  for (const TransactionType type : all_types) {
    Transaction transaction = some_transaction(type);
    for (const bool creates : {false, true}) {
      if (creates) transaction.to.reset();
      const auto made = signed_by(*signer, transaction);
      const auto decoded = decode_transaction(made);
      REQUIRE(decoded.has_value());
      CHECK(decoded->transaction == transaction);
      CHECK(decoded->hash == keccak_of(made));
      CHECK(sender_of(*decoded, secp).value() == signer->address());
    }
  }
}

TEST_CASE("what no chain takes is not signed, and the error names the field") {
  const auto signer = signer_of(some_key);
  const auto expect = [&](const Transaction& transaction, std::string_view words) {
    INFO(words);
    CHECK_THAT(fault_of(transaction), Catch::Contains(std::string(words)));
    std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction));
    CHECK(signer->sign(transaction, buffer).error().kind == ErrorKind::format);
  };
  Transaction bad = some_transaction(TransactionType::dynamic_fee);
  bad.chain_id = 0;
  expect(bad, "chain id is 0");
  bad.chain_id = chain_id_max + 1;
  expect(bad, "chain id is");
  bad = some_transaction(TransactionType::dynamic_fee);
  bad.nonce = UINT64_MAX;
  expect(bad, "nonce is 2^64 - 1");
  bad = some_transaction(TransactionType::dynamic_fee);
  bad.max_priority_fee = u256(40'000'000'001U);
  expect(bad, "priority fee is above");
  bad = some_transaction(TransactionType::dynamic_fee);
  bad.gas_price = u256(1);
  expect(bad, "price of another type");
  bad = some_transaction(TransactionType::legacy);
  bad.max_fee = u256(1);
  expect(bad, "price of another type");
  bad = some_transaction(TransactionType::legacy);
  bad.access_list.emplace_back();
  expect(bad, "access list");
}

TEST_CASE("a buffer that is too small is told, and not written beyond") {
  const auto signer = signer_of(some_key);
  const Transaction transaction = some_transaction(TransactionType::dynamic_fee);
  std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction) - 1);
  CHECK(signer->sign(transaction, buffer).error().kind == ErrorKind::limit);
  CHECK(signer->sign(transaction, {}).error().kind == ErrorKind::limit);
}

TEST_CASE("the highest chain id of a legacy transaction still has its v in 64 bits") {
  const auto signer = signer_of(some_key);
  Transaction transaction = some_transaction(TransactionType::legacy);
  transaction.chain_id = chain_id_max;
  const auto decoded = decode_transaction(signed_by(*signer, transaction));
  REQUIRE(decoded.has_value());
  CHECK(decoded->transaction == transaction);
}

TEST_CASE("cut, longer or changed bytes are no transaction, or another's") {
  const Curve secp = curve();
  const auto signer = signer_of(some_key);
  std::mt19937_64 random(11);
  for (const TransactionType type : all_types) {
    const Transaction transaction = some_transaction(type);
    const auto good = signed_by(*signer, transaction);
    for (std::size_t size = 0; size < good.size(); ++size) {
      CHECK_FALSE(decode_transaction(std::span(good).first(size)).has_value());
    }
    auto longer = good;
    longer.push_back(0);
    CHECK_FALSE(decode_transaction(longer).has_value());
    for (int i = 0; i < 4000; ++i) {
      auto changed = good;
      changed[random() % changed.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
      const auto decoded = decode_transaction(changed);
      if (!decoded) continue;
      // Whatever still reads has one encoding, and is not what was signed by whom.
      std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(decoded->transaction));
      const auto again =
          TransactionEncoder(decoded->transaction, buffer).signed_bytes(decoded->signature);
      CHECK(std::ranges::equal(again, changed));
      const auto sender = sender_of(*decoded, secp);
      CHECK((!sender || *sender != signer->address()));
    }
  }
}

TEST_CASE("bytes that are no transaction of these types say why") {
  const auto fault = [](std::string_view hex) {
    const auto decoded = decode_transaction(bytes(hex));
    return decoded ? std::string() : decoded.error().message;
  };
  CHECK_THAT(fault("0x"), Catch::Contains("is empty"));
  CHECK_THAT(fault("0x03c0"), Catch::Contains("type 3"));
  CHECK_THAT(fault("0x02"), Catch::Contains("is not one list"));
  CHECK_THAT(fault("0x02c0"), Catch::Contains("wrong in its chain id"));
  CHECK_THAT(fault("0xc0"), Catch::Contains("wrong in its nonce"));
  CHECK_THAT(fault("0xc0c0"), Catch::Contains("more follows"));
  // Signed for every chain at once: v is 27.
  CHECK_THAT(fault("0xc98001808080801b0101"), Catch::Contains("EIP-155"));
}

TEST_CASE("a signature with its s in the upper half is refused, though it is the same key's") {
  const Curve secp = curve();
  const auto signer = signer_of(some_key);
  auto decoded =
      decode_transaction(signed_by(*signer, some_transaction(TransactionType::dynamic_fee)));
  REQUIRE(decoded.has_value());
  const u256 order =
      load_be(bytes("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").data());
  const u256 s = load_be(decoded->signature.s.data());
  store_be(wrapping_sub(order, s), decoded->signature.s.data());
  decoded->signature.y_parity ^= 1U;
  CHECK_THAT(sender_of(*decoded, secp).error().message, Catch::Contains("upper half"));
}

TEST_CASE("a signature of nobody is refused") {
  const Curve secp = curve();
  const Hash32 digest = keccak_of(std::string_view("something"));
  Signature signature;
  CHECK_FALSE(secp.recover(digest, signature).has_value());
  signature.r.fill(0xff);
  signature.s[31] = 1;
  CHECK_FALSE(secp.recover(digest, signature).has_value());
  signature = secp.sign(secret(some_key), digest);
  signature.y_parity = 2;
  CHECK_FALSE(secp.recover(digest, signature).has_value());
}

TEST_CASE("a key is 32 bytes of a number from 1 to the order less 1") {
  const std::string order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036414";
  CHECK(curve().is_key(secret(order + "0")));
  CHECK_FALSE(curve().is_key(secret(order + "1")));
  CHECK_FALSE(curve().is_key(SecretBytes(32)));
  CHECK_FALSE(curve().is_key(SecretBytes(31, 1)));
  CHECK_FALSE(make_local_signer(SecretBytes(32), curve()).has_value());
}

TEST_CASE("RLP gives the Yellow Paper's examples") {
  std::vector<std::uint8_t> out(100);
  const auto encoded = [&](auto&& write) {
    rlp::Writer writer(out);
    write(writer);
    REQUIRE(writer.fits());
    return hex_text(std::span(out).first(writer.size()));
  };
  const std::string dog = "dog";
  const rlp::Bytes text(reinterpret_cast<const std::uint8_t*>(dog.data()), dog.size());
  CHECK(encoded([&](rlp::Writer& w) { w.text(text); }) == "0x83646f67");
  CHECK(encoded([&](rlp::Writer& w) { w.text({}); }) == "0x80");
  CHECK(encoded([&](rlp::Writer& w) { w.list(0); }) == "0xc0");
  CHECK(encoded([&](rlp::Writer& w) { w.number(u256()); }) == "0x80");
  CHECK(encoded([&](rlp::Writer& w) { w.number(u256(15)); }) == "0x0f");
  CHECK(encoded([&](rlp::Writer& w) { w.number(u256(1024)); }) == "0x820400");
  CHECK(encoded([&](rlp::Writer& w) {
          w.list(7);
          w.list(0);
          w.list(1);
          w.list(0);
          w.list(3);
          w.list(0);
          w.list(1);
          w.list(0);
        }) == "0xc7c0c1c0c3c0c1c0");
  rlp::Writer small{std::span(out).first(3)};
  small.text(text);
  CHECK_FALSE(small.fits());
  CHECK(small.size() == 4);
}

TEST_CASE("RLP that could be shorter, or is cut, is not read") {
  CHECK(reads_as_text("0x80"));
  CHECK(reads_as_text("0x8180"));
  CHECK_FALSE(reads_as_text("0x8100"));                            // stands for itself
  CHECK_FALSE(reads_as_text("0xb80161"));                          // a long length for a short text
  CHECK_FALSE(reads_as_text("0xb90038" + std::string(112, '6')));  // a length with a zero in front
  CHECK_FALSE(reads_as_text("0x82aa"));
  CHECK_FALSE(reads_as_text("0xb8"));
  CHECK_FALSE(reads_as_text("0xbfffffffffffffffff"));
  CHECK_FALSE(reads_as_text("0xc0"));
  const auto zero_in_front = bytes("0x820001");
  CHECK_FALSE(rlp::Reader(zero_in_front).number().has_value());
  const auto beyond = bytes("0xa1" + std::string(66, '1'));
  CHECK_FALSE(rlp::Reader(beyond).number().has_value());
}

TEST_CASE("a stub signature has the form of one: of any hash it is somebody's") {
  const auto stub = stub_signature();
  const auto parsed = parse_signature(stub);
  REQUIRE(parsed.has_value());
  CHECK(std::ranges::count(stub, 0) == 0);
  const Curve secp = curve();
  for (std::uint8_t i = 0; i < 200; ++i) {
    Hash32 hash;
    hash.fill(static_cast<std::uint8_t>(i * 7 + 1));
    CHECK(secp.recover(hash, *parsed).has_value());
  }
}

TEST_CASE("an operation that its entry point could not carry is not signed") {
  const auto signer = signer_of(some_key);
  const auto fault = [&](const UserOperation& operation, EntryPointVersion version) {
    const auto made = signer->sign_user_operation(operation, {version, {}, 1});
    return made ? std::string() : made.error().message;
  };
  UserOperation operation;
  operation.call_gas_limit = shift_left(u256(1), 128);
  CHECK(fault(operation, EntryPointVersion::v0_6).empty());
  CHECK_THAT(fault(operation, EntryPointVersion::v0_7), Catch::Contains("call gas limit above"));
  operation = {};
  operation.factory_data = {1};
  CHECK_THAT(fault(operation, EntryPointVersion::v0_7), Catch::Contains("without a factory"));
  operation = {};
  operation.paymaster_data = {1};
  CHECK_THAT(fault(operation, EntryPointVersion::v0_6), Catch::Contains("without a paymaster"));
  operation = {};
  operation.paymaster = EvmAddress{1};
  operation.paymaster_post_op_gas_limit = u256(1);
  CHECK(fault(operation, EntryPointVersion::v0_7).empty());
  CHECK_THAT(fault(operation, EntryPointVersion::v0_6), Catch::Contains("which only 0.7"));
  operation = {};
  operation.delegate = EvmAddress{1};
  CHECK_THAT(fault(operation, EntryPointVersion::v0_8), Catch::Contains("EIP-7702"));
  operation.factory = eip7702_factory;
  CHECK(fault(operation, EntryPointVersion::v0_8).empty());
  CHECK_THAT(fault(operation, EntryPointVersion::v0_7), Catch::Contains("EntryPoint 0.8"));
  operation.delegate.reset();
  CHECK_THAT(fault(operation, EntryPointVersion::v0_8), Catch::Contains("no delegate"));
}

TEST_CASE("a signature's bytes are read as they were written, and nothing else is") {
  const Signature made = curve().sign(secret(some_key), keccak_of(std::string_view("x")));
  auto written = signature_bytes(made);
  CHECK(parse_signature(written).value() == made);
  written[64] = static_cast<std::uint8_t>(written[64] - 27);
  CHECK(parse_signature(written).value() == made);
  written[64] = 29;
  CHECK_FALSE(parse_signature(written).has_value());
  CHECK_FALSE(parse_signature(std::span(written).first(64)).has_value());
}
