// What a pool's code says of its variant: refused by name where it contradicts, told where it says
// nothing.
#include "plugins/dex/curve/code.hpp"

#include <botan/hash.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "plugins/curve/answers.hpp"
#include "plugins/curve/curve_pool.hpp"

namespace gantry::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<RecordedPool> recorded_of(const std::string& variant) {
  return read_answers(std::filesystem::path(GANTRY_CURVE_ANSWERS) / (variant + ".zst"));
}

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Not the plugin's own.
Bytes keccak(const Bytes& bytes) {
  const auto hash = Botan::HashFunction::create_or_throw("Keccak-1600(256)");
  hash->update(bytes.data(), bytes.size());
  Bytes digest(32);
  hash->final(digest.data());
  return digest;
}

constexpr const char* implementation = "0x6b175474e89094c44da98b954eedeac495271d0f";

struct Answers {
  Bytes code;            // the hash of the pool's
  Bytes implementation;  // and of what is behind it
};

// What a pool of these answers comes to, in the first block that it is asked in.
gantry_status fed(CurvePool& pool, const RecordedPool& recorded, const Answers& answers) {
  auto known = pool.answered(recorded, recorded.states[0]);
  std::vector<gantry_fact> facts;
  for (auto& [asked, answer] : known) {
    gantry_fact fact{};
    fact.source = asked.fields.source;
    fact.tag = asked.fields.tag;
    fact.emitter = asked.fields.target;
    if (fact.source == GANTRY_SOURCE_EVM_CODE_HASH) {
      answer = fact.tag == curve::tag_code ? answers.code : answers.implementation;
    }
    fact.data = {answer.data(), answer.size()};
    facts.push_back(fact);
  }
  pool.set_time(recorded.states[0].time_s);
  return pool.apply(facts);
}

gantry_status open_and_feed(CurvePool& pool, const RecordedPool& recorded,
                            const std::string& metadata, const Answers& answers) {
  REQUIRE(pool.open(recorded.decimals, metadata) == GANTRY_OK);
  return fed(pool, recorded, answers);
}

bool says(const CurvePool& pool, std::int32_t severity, const std::string& part) {
  for (const CurvePool::Line& line : pool.lines()) UNSCOPED_INFO(line.text);
  return std::ranges::any_of(pool.lines(), [&](const CurvePool::Line& line) {
    return line.severity == severity && line.text.find(part) != std::string::npos;
  });
}

constexpr const char* pool_name = "pool 0x00000000000000000000000000000000000000aa";

}  // namespace

TEST_CASE("the codes that are known are those that gave the recorded answers") {
  std::set<std::string> tested;
  for (const auto& known : curve::known_codes) {
    const std::string variant(known.variant);
    const auto pools = recorded_of(variant);
    const bool found = std::ranges::any_of(pools, [&](const RecordedPool& pool) {
      return "0x" + pool.code == known.hash && pool.decimals.size() == known.coins;
    });
    INFO(variant);
    CHECK(found);
    // Code that depends on the pool would not be one hash.
    for (const RecordedPool& pool : pools) {
      if (pool.decimals.size() == known.coins) CHECK("0x" + pool.code == known.hash);
    }
    tested.insert(variant + std::to_string(known.coins));
  }
  CHECK(tested.size() == curve::known_codes.size());
}

TEST_CASE("a pool whose code is known is taken in silence, and is not asked for it again") {
  for (const char* variant : {"3pool", "factory_plain2", "factory_plain", "factory_meta"}) {
    for (const RecordedPool& recorded : recorded_of(variant)) {
      CurvePool pool;
      REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
      REQUIRE(pool.requests().front().fields.source == GANTRY_SOURCE_EVM_CODE_HASH);
      REQUIRE(pool.feed(recorded, recorded.states[0]) == GANTRY_OK);
      CHECK(pool.lines().empty());
      for (const auto& asked : pool.requests()) {
        CHECK(asked.fields.source != GANTRY_SOURCE_EVM_CODE_HASH);
      }
      CHECK(pool.feed(recorded, recorded.states[1]) == GANTRY_OK);
    }
  }
}

TEST_CASE("a pool whose code is another variant's than its metadata say is refused by name") {
  const RecordedPool base = recorded_of("base")[0];  // 2 coins
  const Bytes plain2 = code_hash_of(recorded_of("factory_plain2")[0]);
  CurvePool pool;
  CHECK(open_and_feed(pool, base, "variant=base", {plain2, {}}) == GANTRY_REFUSED);
  CHECK(says(pool, GANTRY_LOG_WARNING,
             std::string(pool_name) + " is refused: its code (hash 0x" +
                 recorded_of("factory_plain2")[0].code +
                 ") is that of the variant 'factory_plain2' with 2 coins, and it is listed as "
                 "'base' with 2: correct its metadata"));
  gantry_quote quote{};
  CHECK(pool.quote({u256(1000), 0, 1, GANTRY_EXACT_IN, 0}, quote) == GANTRY_BAD_STATE);
  // Of the right variant, and another number of coins.
  const auto plain = recorded_of("factory_plain");
  CurvePool three;
  CHECK(open_and_feed(three, plain[0], "variant=factory_plain", {code_hash_of(plain[1]), {}}) ==
        GANTRY_REFUSED);
  CHECK(says(three, GANTRY_LOG_WARNING, "'factory_plain' with 4 coins"));
}

TEST_CASE("what has no code, or another than its metadata pin, is refused by name") {
  const RecordedPool base = recorded_of("base")[0];
  CurvePool pool;
  CHECK(open_and_feed(pool, base, "variant=base", {keccak({}), {}}) == GANTRY_REFUSED);
  CHECK(
      says(pool, GANTRY_LOG_WARNING, std::string(pool_name) + " is refused: there is no contract"));
  const std::string pinned = "variant=base code_hash=0x" + base.code;
  CurvePool right;
  CHECK(open_and_feed(right, base, pinned, {code_hash_of(base), {}}) == GANTRY_OK);
  CHECK(right.lines().empty());
  CurvePool other;
  const std::string hash(64, '7');
  CHECK(open_and_feed(other, base, pinned, {from_hex(hash), {}}) == GANTRY_REFUSED);
  CHECK(
      says(other, GANTRY_LOG_WARNING,
           "its code has the hash 0x" + hash + ", and its metadata say code_hash=0x" + base.code));
  // A pin does not make a known code another variant's.
  CurvePool wrong;
  const RecordedPool plain2 = recorded_of("factory_plain2")[0];
  CHECK(open_and_feed(wrong, base, "variant=base code_hash=0x" + plain2.code,
                      {code_hash_of(plain2), {}}) == GANTRY_REFUSED);
}

TEST_CASE("a variant that nothing can be checked of is told to be the operator's word, once") {
  const RecordedPool base = recorded_of("base")[0];
  CurvePool pool;
  CHECK(open_and_feed(pool, base, "variant=base", {code_hash_of(base), {}}) == GANTRY_OK);
  REQUIRE(pool.lines().size() == 1);
  CHECK(says(pool, GANTRY_LOG_WARNING,
             std::string(pool_name) +
                 ": variant 'base' is named by the operator, not verified: code_hash=0x" +
                 base.code + " in its metadata pins the code that it has"));
  CHECK(fed(pool, base, {}) == GANTRY_OK);
  CHECK(pool.lines().size() == 1);
  const RecordedPool ng = recorded_of("ng")[0];
  CurvePool later;
  CHECK(open_and_feed(later, ng, "variant=ng", {code_hash_of(ng), {}}) == GANTRY_OK);
  REQUIRE(later.lines().size() == 1);
  CHECK(says(later, GANTRY_LOG_INFO, "variant 'ng' is what version() says"));
}

TEST_CASE("a minimal proxy is of the implementation that its metadata name, or refused") {
  const RecordedPool plain2 = recorded_of("factory_plain2")[0];
  const std::string metadata =
      std::string("variant=factory_plain2 implementation=") + implementation;
  const std::string address = std::string(implementation).substr(2);
  const std::string forms[] = {
      "363d3d373d3d3d363d73" + address + "5af43d82803e903d91602b57fd5bf3",
      "366000600037611000600036600073" + address + "5af4602c57600080fd5b6110006000f3",
      "366000600037611000600036600073" + address + "5af41558576110006000f3"};
  for (const std::string& form : forms) {
    CurvePool pool;
    CHECK(open_and_feed(pool, plain2, metadata, {keccak(from_hex(form)), code_hash_of(plain2)}) ==
          GANTRY_OK);
    CHECK(pool.lines().empty());
  }
  const Bytes proxy = keccak(from_hex(forms[0]));
  CurvePool copy;  // the code itself, and no proxy of it
  CHECK(open_and_feed(copy, plain2, metadata, {code_hash_of(plain2), code_hash_of(plain2)}) ==
        GANTRY_REFUSED);
  CHECK(says(copy, GANTRY_LOG_WARNING, "is no minimal proxy of the implementation"));
  CurvePool nothing;
  CHECK(open_and_feed(nothing, plain2, metadata, {proxy, keccak({})}) == GANTRY_REFUSED);
  CHECK(says(nothing, GANTRY_LOG_WARNING, "no contract at the implementation's address"));
  CurvePool other;
  CHECK(open_and_feed(other, plain2, metadata,
                      {proxy, code_hash_of(recorded_of("factory_meta")[0])}) == GANTRY_REFUSED);
  CHECK(says(other, GANTRY_LOG_WARNING, "is that of the variant 'factory_meta'"));
  CurvePool unknown;
  CHECK(open_and_feed(unknown, plain2, metadata, {proxy, Bytes(32, 9)}) == GANTRY_OK);
  CHECK(says(unknown, GANTRY_LOG_WARNING, "named by the operator, not verified"));
  CurvePool pinned;
  CHECK(open_and_feed(pinned, plain2, metadata + " code_hash=0x" + std::string(64, '9'),
                      {proxy, Bytes(32, 0x99)}) == GANTRY_OK);
  CHECK(pinned.lines().empty());
}

TEST_CASE("answers about the code that are none leave the pool without a state") {
  const RecordedPool plain2 = recorded_of("factory_plain2")[0];
  const std::string metadata = metadata_of(plain2);
  for (const std::size_t size : {0U, 20U, 31U, 33U}) {
    CurvePool pool;
    CHECK(open_and_feed(pool, plain2, metadata, {Bytes(size, 1), {}}) == GANTRY_BAD_STATE);
  }
  CurvePool pool;
  REQUIRE(pool.open(plain2.decimals, metadata) == GANTRY_OK);
  const Bytes hash = code_hash_of(plain2);
  gantry_fact fact{};
  fact.source = GANTRY_SOURCE_EVM_CODE_HASH;
  fact.data = {hash.data(), hash.size()};
  for (const std::uint32_t tag : {0U, 29U, curve::tag_implementation_code, 32U, ~0U}) {
    fact.tag = tag;
    CHECK(pool.apply({fact}) == GANTRY_BAD_STATE);
  }
  fact.tag = curve::tag_code;
  fact.status = GANTRY_REFUSED;
  CHECK(pool.apply({fact}) == GANTRY_BAD_STATE);
  fact.status = GANTRY_OK;
  CHECK(pool.apply({fact}) == GANTRY_NEED_STATE);
  CHECK(pool.open(plain2.decimals, "variant=base code_hash=0x12") == GANTRY_BAD_STATE);
  CHECK(pool.open(plain2.decimals, "variant=base implementation=12") == GANTRY_BAD_STATE);
}

}  // namespace gantry::test
