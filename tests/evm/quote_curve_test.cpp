// `gantry quote` of Curve's pools through the program. No package carries their bytecode, so each
// pool stands on a real chain as a contract of a few instructions that answers each question with
// the words that Curve's own contract answered, as it is recorded in tests/plugins/curve/answers;
// what the program says is compared with what exchange() paid there.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <stdexcept>

#include "evm/quote_program.hpp"
#include "gantry/u256.hpp"
#include "plugins/curve/answers.hpp"

namespace gantry::test {
namespace {

using host::tests::Ended;
using host::tests::has;
using host::tests::Workspace;

constexpr std::size_t states_of_a_pool = 2;
constexpr std::size_t swaps_of_a_state = 3;
constexpr std::uint64_t genesis_s = 1'600'000'000;

const std::string pool_address = "0x00000000000000000000000000000000000c0de1";
const std::string base_address = "0x00000000000000000000000000000000000c0de2";

// At keccak256(calldata) it has stored how many words it answers, and after that the words:
// calldata copied, hashed, then a loop of SLOAD and MSTORE, then RETURN.
constexpr const char* answering_code =
    "0x36600060003736600020805460005b818110156028578083016001015481"
    "60051b52600101600e565b5060051b6000f3";

std::string hex_of(const std::vector<std::uint8_t>& bytes) {
  std::string hex = "0x";
  for (const std::uint8_t byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

// decimals() is answered with the number, everything else with 1, which is true.
std::string token_code(std::uint32_t decimals) {
  return fmt::format(
      "0x60003560e01c63313ce56714601957600160005260206000f35b60{:02x}60005260206000f3", decimals);
}

std::string decimal(const u256& value) { return to_string(value); }

// A chain on which one recorded pool stands in one recorded state.
class CurveQuotes {
 public:
  CurveQuotes() : anvil({"--timestamp", std::to_string(genesis_s)}), deployer(anvil) {
    for (const std::string& address : {pool_address, base_address}) {
      anvil.call("anvil_setCode", {json::string(address), json::string(answering_code)});
    }
  }

  void put(const RecordedPool& pool) {
    tokens.clear();
    for (std::size_t i = 0; i < pool.decimals.size(); ++i) {
      tokens.push_back(fmt::format("0x{:040x}", 0x70000 + i));
      anvil.call("anvil_setCode",
                 {json::string(tokens[i]), json::string(token_code(pool.decimals[i]))});
    }
    list("variant=" + pool.variant + " base_pool=" + base_address +
         (pool.variant == "meta_rai" ? " redemption_price_snap=" + base_address : std::string()));
  }
  void list(const std::string& metadata) {
    write_configuration(space, {anvil.url(), tokens[0], tokens[1],
                                "[[dex]]\nname = \"curve\"\nmin_liquidity_usd = 0\n" +
                                    listed_pool(pool_address, tokens, metadata),
                                "check_tokens = false\n"});
  }
  // Its answers, in the block before its time: a quote is for the next one, a second later.
  void put(const RecordedPool& pool, const RecordedState& state) {
    for (std::size_t i = 0; i < pool.asks.size(); ++i) {
      const std::string& who = pool.asks[i].of_base ? base_address : pool_address;
      const std::string payload = hex_of(pool.asks[i].payload);
      const std::string answer = hex_of(state.answers[i]);
      const std::size_t words = state.answers[i].size() / 32;
      REQUIRE(state.answers[i].size() == words * 32);
      if (payload.size() == 2 + word_digits) {  // no call: a slot
        store(who, to_integer(payload), to_integer(answer));
        continue;
      }
      const Integer at = to_integer(deployer.sha3(payload));
      store(who, at, words);
      for (std::size_t k = 0; k < words; ++k) store(who, at + 1 + k, word_at(answer, k));
    }
    anvil.call("evm_setNextBlockTimestamp", {state.time_s - 1});
    anvil.call("evm_mine");
  }
  void store(const std::string& who, const Integer& slot, const Integer& value) {
    anvil.call("anvil_setStorageAt",
               {json::string(who), json::string(hex_word(slot)), json::string(hex_word(value))});
  }
  Asked asked(const RecordedExchange& exchange, const u256& amount, bool exact_in = true) const {
    return {pool_address, tokens[exchange.in], decimal(amount), exact_in, tokens[exchange.out]};
  }

  Anvil anvil;
  Deployer deployer;
  Workspace space;
  std::vector<std::string> tokens;
};

Integer answer_of(const RecordedPool& pool, const RecordedState& state,
                  const std::string& selector) {
  for (std::size_t i = 0; i < pool.asks.size(); ++i) {
    if (hex_of(pool.asks[i].payload) == selector) return to_integer(hex_of(state.answers[i]));
  }
  throw std::runtime_error("the recording has no answer to " + selector);
}

bool is_crypto(const RecordedPool& pool) {
  return pool.variant.find("crypto") != std::string::npos;
}

// A stands still: then an exchange() of any later block pays the same.
bool is_still(const RecordedPool& pool, const RecordedState& state) {
  const char* ends = is_crypto(pool) ? "0xf9ed9597"   // future_A_gamma_time()
                                     : "0x14052288";  // future_A_time()
  return answer_of(pool, state, ends) <= state.time_s;
}

// Between which parts, of ten decimals, the pool's fee lies.
struct FeeParts {
  Integer least;
  Integer most;
};

FeeParts fee_parts(const RecordedPool& pool, const RecordedState& state) {
  if (is_crypto(pool)) {
    // packed_fee_params(): mid_fee, out_fee and fee_gamma, of 64 bits each.
    const Integer packed = answer_of(pool, state, "0xe3616405");
    const Integer mask = (Integer(1) << 64) - 1;
    return {packed >> 128, (packed >> 64) & mask};
  }
  const Integer fee = answer_of(pool, state, "0xddca3f43");  // fee()
  if (!pool.variant.starts_with("ng")) return {fee, fee};
  const Integer one = 10'000'000'000;
  const Integer multiplier = answer_of(pool, state, "0x8edfdd5f");  // offpeg_fee_multiplier()
  return {fee, multiplier <= one ? fee : Integer(fee * multiplier / one + 1)};
}

std::vector<const RecordedState*> still_states(const RecordedPool& pool) {
  std::vector<const RecordedState*> found;
  for (const RecordedState& state : pool.states) {
    if (is_still(pool, state)) found.push_back(&state);
    if (found.size() == states_of_a_pool) break;
  }
  REQUIRE(found.size() == states_of_a_pool);
  std::ranges::sort(found, {}, &RecordedState::time_s);
  return found;
}

// What the program says of one recorded exchange().
void compare(const CurveQuotes& scene, const RecordedPool& pool, const RecordedState& state,
             const RecordedExchange& exchange) {
  const FeeParts parts = fee_parts(pool, state);
  const json::object sold = quoted(scene.space, scene.asked(exchange, exchange.amount));
  CHECK(units(sold, "in") == Integer(decimal(exchange.amount)));
  CHECK(units(sold, "out") == Integer(decimal(*exchange.paid)));
  // The fee is what is kept of what would come out, of ten decimals and rounded down.
  CHECK(text_of(sold.at("fee").at("address")) == scene.tokens[exchange.out]);
  const Integer fee = units(sold, "fee");
  const Integer gross = units(sold, "out") + fee;
  const Integer whole = 10'000'000'000;
  CHECK(fee * whole >= gross * parts.least - 2 * whole);
  CHECK(fee * whole <= gross * parts.most + 2 * whole);
  const double impact = sold.at("price_impact").to_number<double>();
  CHECK(impact >= 0);
  CHECK(impact <= 1);

  // The least that is paid for: one unit less pays less.
  const json::object bought = quoted(scene.space, scene.asked(exchange, *exchange.paid, false));
  const Integer least = units(bought, "in");
  CHECK(units(bought, "out") == Integer(decimal(*exchange.paid)));
  // What a volatile pool pays steps back by a unit here and there: the amount found is such a step,
  // not always the first.
  const Integer amount(decimal(exchange.amount));
  CHECK(least <= amount + (is_crypto(pool) ? Integer(amount / 1'000'000) : Integer(0)));
  Asked again = scene.asked(exchange, exchange.amount);
  again.amount = amount_text(least);
  CHECK(units(quoted(scene.space, again), "out") >= Integer(decimal(*exchange.paid)));
  if (least == 1) return;
  again.amount = amount_text(least - 1);
  const Ended less = scene.space.run(words_of(again));
  if (less.code == 0) {
    CHECK(units(json::parse(less.out).as_object(), "out") < Integer(decimal(*exchange.paid)));
  } else {
    CHECK(has(less.err, "no quote: "));
  }
}

}  // namespace

TEST_CASE("a quote of a Curve pool is what exchange() paid, of every variant") {
  for (const char* variant :
       {"3pool", "base", "factory_plain2", "factory_plain", "meta", "factory_meta", "meta_rai",
        "ng", "ng_meta", "twocrypto_ng", "tricrypto_ng"}) {
    CurveQuotes scene;
    const auto pools =
        read_answers(std::filesystem::path(GANTRY_CURVE_ANSWERS) / (std::string(variant) + ".zst"));
    const RecordedPool& pool = pools.front();
    scene.put(pool);
    int compared = 0;
    for (const RecordedState* state : still_states(pool)) {
      scene.put(pool, *state);
      int of_state = 0;
      for (const RecordedSwap& swap : state->swaps) {
        if (!swap.first.paid || swap.first.paid->is_zero()) continue;
        if (of_state++ == swaps_of_a_state) break;
        CAPTURE(variant, swap.first.in, swap.first.out, decimal(swap.first.amount));
        compare(scene, pool, *state, swap.first);
        check_context(scene.anvil, quoted(scene.space, scene.asked(swap.first, swap.first.amount)));
        ++compared;
      }
    }
    INFO(variant);
    CHECK(compared >= 4);
  }
}

TEST_CASE("a Curve pool whose code proves nothing is quoted with a word about it, others not") {
  CurveQuotes scene;
  const auto pools = read_answers(std::filesystem::path(GANTRY_CURVE_ANSWERS) / "base.zst");
  const RecordedPool& pool = pools.front();
  scene.put(pool);
  const RecordedState& state = *still_states(pool).front();
  scene.put(pool, state);
  const auto swap = std::ranges::find_if(state.swaps, [](const RecordedSwap& each) {
    return each.first.paid && !each.first.paid->is_zero();
  });
  REQUIRE(swap != state.swaps.end());
  const Asked asked = scene.asked(swap->first, swap->first.amount);
  const Ended taken = scene.space.run(words_of(asked));
  CHECK(taken.code == 0);
  CHECK(has(taken.err, "variant 'base' is named by the operator, not verified: code_hash=0x"));

  const auto refused = [&](const std::string& metadata, std::string_view part) {
    scene.list(metadata);
    const Ended ended = scene.space.run(words_of(asked));
    INFO(ended.err);
    CHECK(ended.code == 1);
    CHECK(ended.out.empty());
    CHECK(has(ended.err, part));
  };
  refused("variant=stableswap_2031", "there is no variant 'stableswap_2031'; known are 3pool, ");
  refused("variant=base code_hash=0x" + std::string(64, '7'),
          "pool " + pool_address + " is refused: its code has the hash 0x");
  refused("variant=ng", "pool " + pool_address);
  refused("variant=meta_rai base_pool=" + base_address, "needs redemption_price_snap=0x");
  // Pinned, nothing is left to say.
  scene.list("variant=base code_hash=" + scene.deployer.sha3(answering_code));
  const Ended pinned = scene.space.run(words_of(asked));
  CHECK(pinned.code == 0);
  CHECK(pinned.out == taken.out);
  CHECK_FALSE(has(pinned.err, "not verified"));
}

}  // namespace gantry::test
