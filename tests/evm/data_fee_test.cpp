// What an L2 charges for a transaction's bytes: the host's arithmetic against the OP stack's own
// contract, and the same read from a chain that is followed.
#include "host/market/data_fee.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/op_stack_chain.hpp"
#include "host/plan/calls.hpp"

namespace gantry::test {
namespace {

using host::DataFee;
using host::DataFeeKind;
using host::DataFeeRule;
using Bytes = std::vector<std::uint8_t>;

DataFeeRule rule_of(OpUpgrade upgrade) {
  return upgrade == OpUpgrade::bedrock   ? DataFeeRule::bedrock
         : upgrade == OpUpgrade::ecotone ? DataFeeRule::ecotone
                                         : DataFeeRule::fjord;
}

// Noise, words of the ABI that are mostly zero, runs, and what came before again.
Bytes random_bytes(std::mt19937_64& random, std::size_t size) {
  Bytes bytes;
  while (bytes.size() < size) {
    const auto part = 1 + random() % 70;
    switch (random() % 5) {
      case 0:
        for (std::size_t i = 0; i < part; ++i) bytes.push_back(static_cast<std::uint8_t>(random()));
        break;
      case 1: {
        Bytes word(32);
        for (std::size_t i = 32 - random() % 21; i < 32; ++i) {
          word[i] = static_cast<std::uint8_t>(random());
        }
        bytes.insert(bytes.end(), word.begin(), word.end());
        break;
      }
      case 2:
        bytes.insert(bytes.end(), part, static_cast<std::uint8_t>(random() % 3));
        break;
      case 3:
        bytes.insert(bytes.end(), part * 9, static_cast<std::uint8_t>(random()));
        break;
      default:
        if (bytes.empty()) break;
        const std::size_t from = random() % bytes.size();
        for (std::size_t i = 0; i < part * 3; ++i) bytes.push_back(bytes[from + i]);
    }
  }
  bytes.resize(size);
  return bytes;
}

std::vector<Bytes> transactions(std::mt19937_64& random) {
  std::vector<Bytes> all;
  for (std::size_t size = 0; size < 48; ++size) {
    all.push_back(random_bytes(random, size));
    all.emplace_back(size, std::uint8_t{0});
  }
  for (const std::size_t size :
       {254U, 255U, 256U, 262U, 263U, 264U, 527U, 8191U, 8192U, 8208U, 9000U}) {
    all.push_back(random_bytes(random, size));
    all.emplace_back(size, std::uint8_t{7});
  }
  for (int i = 0; i < 700; ++i) all.push_back(random_bytes(random, random() % 2500));
  return all;
}

OpFees random_fees(std::mt19937_64& random) {
  OpFees fees;
  fees.l1_base_fee = 7 + (Integer(random()) >> (random() % 60));
  fees.blob_base_fee = 1 + (Integer(random()) >> (random() % 60));
  fees.base_fee_scalar = static_cast<std::uint32_t>(random() % (1U << 28U));
  fees.blob_base_fee_scalar = static_cast<std::uint32_t>(random());
  fees.overhead = random() % 10'000;
  fees.scalar = 1 + random() % 2'000'000;
  return fees;
}

// The oracle's answers as a live feed takes them.
std::vector<host::recording::Fact> facts_of(LiveScene& scene, DataFeeKind kind) {
  host::Fetcher fetcher(scene.providers());
  fetcher.read_at({block_number(scene.chain()), {}});
  auto facts = fetcher.answer({}, host::data_fee_requests(kind));
  REQUIRE(facts);
  return *facts;
}

DataFee fee_of(LiveScene& scene) {
  return host::read_data_fee(DataFeeKind::op_stack, facts_of(scene, DataFeeKind::op_stack));
}

// A contract that answers whatever it is asked with this word.
std::string always(const Integer& value) { return "0x7f" + word(value) + "60005260206000f3"; }

// A batch of a transfer and swaps of random pools and amounts, as it is published.
Bytes published_trade(std::mt19937_64& random, std::size_t legs, bool sponsored) {
  const auto noise = [&](Bytes& bytes, std::size_t zeros, std::size_t count) {
    bytes.insert(bytes.end(), zeros, std::uint8_t{0});
    for (; count > 0; --count) bytes.push_back(static_cast<std::uint8_t>(random()));
  };
  std::vector<host::PlannedCall> calls(legs + 1);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i].target.kind = GANTRY_ADDRESS_EVM;
    calls[i].target.length = 20;
    for (int at = 0; at < 20; ++at) calls[i].target.bytes[at] = static_cast<std::uint8_t>(random());
    noise(calls[i].data, 0, 4);
    const std::size_t words = i == 0 ? 2 : 5 + random() % 4;
    for (std::size_t w = 0; w < words; ++w) {
      const std::size_t size = w == 0 ? 20 : random() % 12;
      noise(calls[i].data, 32 - size, size);
    }
  }
  return host::published_bytes(host::batch_of(calls), sponsored);
}

// As node's own Brotli says.
std::vector<std::size_t> brotli_sizes(const std::vector<Bytes>& transactions) {
  TemporaryFolder folder;
  const auto file = folder / "transactions.txt";
  {
    std::ofstream out(file);
    for (const Bytes& bytes : transactions) out << to_hex(bytes).substr(2) << "\n";
  }
  const std::string command =
      "node '" + evm_package_file("../packed_size.mjs").string() + "' '" + file.string() + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  REQUIRE(pipe);
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; std::fscanf(pipe.get(), "%zu", &size) == 1;) sizes.push_back(size);
  REQUIRE(sizes.size() == transactions.size());
  return sizes;
}

LiveScene& one_scene() {
  static LiveScene scene(1);
  return scene;
}

}  // namespace

TEST_CASE("a data fee is GasPriceOracle's to the wei: Bedrock, Ecotone and Fjord") {
  std::mt19937_64 random(20260719);
  LiveScene& scene = one_scene();
  OpStackChain op(scene.chain());
  for (const OpUpgrade upgrade : {OpUpgrade::bedrock, OpUpgrade::ecotone, OpUpgrade::fjord}) {
    for (int round = 0; round < 3; ++round) {
      op.set(upgrade, round == 0 ? OpFees() : random_fees(random));
      const DataFee fee = fee_of(scene);
      REQUIRE(fee.rule == rule_of(upgrade));
      const auto all = transactions(random);
      const auto expected = op.fees_of(all);
      std::size_t same = 0;
      for (std::size_t i = 0; i < all.size(); ++i) {
        u256 wei;
        REQUIRE(host::data_fee_of(fee, all[i], 0, wei));
        CAPTURE(static_cast<int>(upgrade), round, all[i].size());
        REQUIRE(to_integer(wei.amount()) == expected[i]);
        if (expected[i] > 0) ++same;
      }
      CHECK(same == all.size());
    }
  }
}

TEST_CASE("an oracle that is not there or answers with garbage leaves the fee unknown") {
  LiveScene& scene = one_scene();
  OpStackChain op(scene.chain());
  op.set(OpUpgrade::fjord, {});
  REQUIRE(fee_of(scene).rule == DataFeeRule::fjord);
  OpFees wrong;
  wrong.l1_base_fee = 0;
  op.set(OpUpgrade::fjord, wrong);
  CHECK(fee_of(scene).rule == DataFeeRule::unknown);
  wrong = {};
  wrong.base_fee_scalar = 1U << 28U;  // the contract's own multiplication overflows
  op.set(OpUpgrade::fjord, wrong);
  CHECK(fee_of(scene).rule == DataFeeRule::unknown);
  wrong = {};
  wrong.l1_base_fee = Integer(1) << 200;
  op.set(OpUpgrade::ecotone, wrong);
  CHECK(fee_of(scene).rule == DataFeeRule::unknown);
  wrong = {};
  wrong.scalar = 0;
  op.set(OpUpgrade::bedrock, wrong);
  CHECK(fee_of(scene).rule == DataFeeRule::unknown);
  op.set(OpUpgrade::fjord, {});
  for (const std::string& code :
       {std::string("0x"), std::string("0x60006000fd"), always(0), always(7),
        always((Integer(1) << 256) - 1), std::string("0x60ff60005360016000f3")}) {
    op.set_oracle_code(code);
    CAPTURE(code);
    const DataFee fee = fee_of(scene);
    CHECK(fee.rule == DataFeeRule::unknown);
    u256 wei(1);
    CHECK_FALSE(host::data_fee_of(fee, Bytes(100), 0, wei));
  }
}

TEST_CASE("answers that are cut, missing, doubled or of another contract are no fee") {
  LiveScene& scene = one_scene();
  OpStackChain op(scene.chain());
  op.set(OpUpgrade::fjord, {});
  const auto good = facts_of(scene, DataFeeKind::op_stack);
  const auto rule = [](const std::vector<host::recording::Fact>& facts) {
    return host::read_data_fee(DataFeeKind::op_stack, facts).rule;
  };
  REQUIRE(rule(good) == DataFeeRule::fjord);
  CHECK(host::read_data_fee(DataFeeKind::none, good).rule == DataFeeRule::none);
  CHECK(host::read_data_fee(DataFeeKind::arbitrum, good).rule == DataFeeRule::unknown);
  CHECK(rule({}) == DataFeeRule::unknown);
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i].status != GANTRY_OK) continue;  // of an upgrade that this oracle does not know yet
    CAPTURE(i);
    auto facts = good;
    facts[i].data.pop_back();
    CHECK(rule(facts) == DataFeeRule::unknown);
    facts = good;
    facts[i].pool = 0;
    CHECK(rule(facts) == DataFeeRule::unknown);
    facts = good;
    facts[i].source.bytes[19] ^= 1U;
    CHECK(rule(facts) == DataFeeRule::unknown);
    facts = good;
    facts[i].tag = 99;
    CHECK(rule(facts) == DataFeeRule::unknown);
    facts = good;
    facts.erase(facts.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(rule(facts) == DataFeeRule::unknown);
  }
}

TEST_CASE("since Isthmus and Jovian the operator's fee is charged by the gas that is used") {
  std::mt19937_64 random(88);
  LiveScene& scene = one_scene();
  OpStackChain op(scene.chain());
  const std::uint64_t gas_max = ~std::uint64_t{0};
  for (const OpUpgrade upgrade : {OpUpgrade::fjord, OpUpgrade::isthmus, OpUpgrade::jovian}) {
    for (int round = 0; round < 20; ++round) {
      OpFees fees = random_fees(random);
      fees.operator_scalar = static_cast<std::uint32_t>(random() >> (32 + random() % 32));
      fees.operator_constant = random() >> (random() % 64);
      if (round == 0) fees.operator_scalar = ~0U;
      if (round == 0) fees.operator_constant = ~std::uint64_t{0};
      if (round == 1) fees.operator_scalar = 0;
      if (round == 1) fees.operator_constant = 0;
      op.set(upgrade, fees);
      const DataFee fee = fee_of(scene);
      REQUIRE(fee.rule == DataFeeRule::fjord);
      const Bytes bytes = random_bytes(random, 400);
      const Integer of_bytes = op.fees_of({bytes}).front();
      for (const std::uint64_t gas :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{321'654}, random() >> 30U, gas_max}) {
        // The specification's formulas; the package's own bytecode is of before Isthmus.
        const Integer scaled = Integer(gas) * fees.operator_scalar;
        Integer of_operator = 0;
        if (upgrade == OpUpgrade::isthmus) of_operator = scaled / 1'000'000;
        if (upgrade == OpUpgrade::jovian) of_operator = scaled * 100;
        if (upgrade != OpUpgrade::fjord) of_operator += fees.operator_constant;
        u256 wei;
        REQUIRE(host::data_fee_of(fee, bytes, gas, wei));
        CAPTURE(static_cast<int>(upgrade), gas);
        CHECK(to_integer(wei.amount()) == of_bytes + of_operator);
      }
    }
  }
}

TEST_CASE("an operator's fee that the chain does not tell leaves the fee unknown") {
  LiveScene& scene = one_scene();
  OpStackChain op(scene.chain());
  op.set(OpUpgrade::jovian, {});
  const auto good = facts_of(scene, DataFeeKind::op_stack);
  REQUIRE(host::read_data_fee(DataFeeKind::op_stack, good).rule == DataFeeRule::fjord);
  for (std::size_t i = 0; i < 4; ++i) {  // what Isthmus and Jovian brought
    auto facts = good;
    facts[i].data.pop_back();
    CHECK(host::read_data_fee(DataFeeKind::op_stack, facts).rule == DataFeeRule::unknown);
    facts = good;
    facts[i].data.assign(32, 0xff);
    CHECK(host::read_data_fee(DataFeeKind::op_stack, facts).rule == DataFeeRule::unknown);
    facts = good;
    facts[i].source.bytes[19] ^= 1U;
    CHECK(host::read_data_fee(DataFeeKind::op_stack, facts).rule == DataFeeRule::unknown);
    facts.erase(facts.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(host::read_data_fee(DataFeeKind::op_stack, facts).rule == DataFeeRule::unknown);
  }
  // Jovian without what comes before it is no chain that is known.
  auto facts = good;
  facts[1].data.assign(32, 0);
  CHECK(host::read_data_fee(DataFeeKind::op_stack, facts).rule == DataFeeRule::unknown);
  op.set_l1_block_code("0x60006000fd");
  CHECK(fee_of(scene).rule == DataFeeRule::unknown);
}

TEST_CASE("Arbitrum's fee is its price of a unit for a padded size, and zero is an answer") {
  LiveScene& scene = one_scene();
  const auto read = [&](const std::string& code) {
    scene.chain().call("anvil_setCode",
                       {"0x000000000000000000000000000000000000006c", boost::json::string(code)});
    return host::read_data_fee(DataFeeKind::arbitrum, facts_of(scene, DataFeeKind::arbitrum));
  };
  const DataFee fee = read(always(12'345'678));
  REQUIRE(fee.rule == DataFeeRule::arbitrum);
  std::mt19937_64 random(5);
  for (const std::size_t size : {0U, 12U, 100U, 1500U}) {
    const Bytes bytes = random_bytes(random, size);
    u256 wei;
    REQUIRE(host::data_fee_of(fee, bytes, 21'000, wei));
    const Integer units = ((Integer(host::fastlz_size(bytes)) + 96) * 16 + 256) * 10'100 / 10'000;
    CHECK(to_integer(wei.amount()) == units * 12'345'678);
  }
  u256 wei(1);
  REQUIRE(host::data_fee_of(read(always(0)), Bytes(9), 21'000, wei));
  CHECK(wei.is_zero());
  for (const std::string& code :
       {std::string("0x"), always((Integer(1) << 256) - 1), always(Integer(1) << 97)}) {
    CHECK(read(code).rule == DataFeeRule::unknown);
  }
}

TEST_CASE("what Arbitrum is taken to publish is what Brotli makes of a trade, or somewhat more") {
  std::mt19937_64 random(6);
  std::vector<Bytes> trades;
  for (int i = 0; i < 200; ++i) {
    trades.push_back(published_trade(random, 2 + random() % 5, i % 2 == 0));
  }
  const auto packed = brotli_sizes(trades);
  const DataFee unit{DataFeeRule::arbitrum, u256(1), {}, {}, {}, {}};
  for (std::size_t i = 0; i < trades.size(); ++i) {
    u256 wei;
    REQUIRE(host::data_fee_of(unit, trades[i], 0, wei));
    CAPTURE(trades[i].size(), packed[i]);
    CHECK(wei >= u256(16 * packed[i] * 101 / 100));
    CHECK(wei <= u256(16 * packed[i] * 3 / 2));
  }
}

TEST_CASE(
    "a chain that is followed brings its data fee with each block, without a round trip more") {
  std::mt19937_64 random(21);
  LiveScene scene(2);
  scene.configuration().chains.front().data_fee = DataFeeKind::op_stack;
  OpStackChain op(scene.chain());
  op.set(OpUpgrade::fjord, {});
  const bool with_multicall = GENERATE(true, false);
  if (with_multicall) op.add_multicall();
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  const std::uint64_t trips = follower.feed->status().round_trips;
  OpFees fees;
  std::vector<DataFee> seen;
  constexpr int blocks = 12;
  for (int i = 0; i < blocks; ++i) {
    fees.l1_base_fee += 1'000'000 * i;
    fees.operator_constant += 3;
    op.set(i < 9 ? OpUpgrade::fjord : OpUpgrade::jovian, fees);
    if (i == 5) op.set_oracle_code("0x60006000fd");
    if (i == 6) op.restore_oracle();
    scene.mine_random(random);
    follower.go_to(block_number(scene.chain()));
    const DataFee& fee = follower.snapshot->data_fee;
    seen.push_back(fee);
    CAPTURE(i);
    if (i == 5) {
      CHECK(fee.rule == DataFeeRule::unknown);
      continue;
    }
    REQUIRE(fee.rule == DataFeeRule::fjord);
    const Integer price = Integer(fees.base_fee_scalar) * 16 * fees.l1_base_fee +
                          Integer(fees.blob_base_fee_scalar) * fees.blob_base_fee;
    CHECK(to_integer(fee.price.amount()) == price);
    CHECK(to_integer(fee.operator_constant.amount()) == (i < 9 ? 0 : fees.operator_constant));
  }
  // Pools are kept by their logs: what a block asks for went with these. The oracle that reverts
  // without a word is asked again, and what it then refuses by itself.
  CHECK(follower.feed->status().round_trips - trips == (with_multicall ? 2U : 12U));

  // Given the same blocks, whoever replays them comes to the same fees.
  host::MarketState again = scene.market();
  std::size_t at = 0;
  for (const host::BlockInput& input : follower.inputs) {
    const auto snapshot = again.advance(input);
    REQUIRE(snapshot);
    if (at++ == 0) continue;
    REQUIRE(at - 2 < seen.size());
    CHECK((*snapshot)->data_fee.rule == seen[at - 2].rule);
    CHECK((*snapshot)->data_fee.price == seen[at - 2].price);
    CHECK((*snapshot)->data_fee.operator_constant == seen[at - 2].operator_constant);
  }
  CHECK(at == blocks + 1);
}

}  // namespace gantry::test
