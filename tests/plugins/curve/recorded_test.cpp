// What Curve's pools on Ethereum answered, and nobody here computed: the plugin is given the state
// that is recorded of their block. tests/evm/record/import_degenbot.py names source and licence.
//
// Of 60 recorded answers 42 are quotes of a pool. The other 18 are get_dy_underlying() between RAI
// and a coin of the base pool: a deposit into that pool or a withdrawal from it beside the swap,
// estimated without its fee, which is no exchange() of either pool. Of the main network's first
// tricrypto pool a state is recorded and no answer; it is of no variant that the plugin knows.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "gantry/u256.hpp"
#include "plugins/curve/curve_pool.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr std::uint64_t fee_denominator = 10'000'000'000ULL;

json::object recorded_file() {
  std::ifstream file(GANTRY_CURVE_RECORDED "/mainnet.json");
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_object();
}

u256 number_in(const json::value& value) {
  const auto number = parse_decimal(std::string_view(value.as_string()));
  REQUIRE(number.has_value());
  return *number;
}

std::vector<std::uint8_t> word_of(const u256& value) {
  std::vector<std::uint8_t> word(32);
  store_be(value, word.data());
  return word;
}

std::uint32_t selector_in(const AskedOfChain& asked) {
  std::uint32_t selector = 0;
  for (std::size_t i = 0; i < 4; ++i) selector = selector << 8U | asked.payload.at(i);
  return selector;
}

// What the pool, its base pool and who keeps the redemption price answer in that state.
std::vector<std::uint8_t> answer_in(const json::object& pool, const AskedOfChain& asked) {
  // No code is recorded: a hash that is nobody's, so that the name alone says the variant.
  if (asked.fields.source == GANTRY_SOURCE_EVM_CODE_HASH) {
    return std::vector<std::uint8_t>(32, 0x11);
  }
  const auto word = [&](const char* name) { return word_of(number_in(pool.at(name))); };
  switch (selector_in(asked)) {
    case 0x4903b0d1:  // balances(uint256)
      return word_of(number_in(pool.at("balances").at(asked.payload.back())));
    case 0x5409491a:
      return word("initial_A");
    case 0xb4b577ad:
      return word("future_A");
    case 0x2081066c:
      return word("initial_A_time");
    case 0x14052288:
      return word("future_A_time");
    case 0xddca3f43:
      return word("fee");
    case 0xfee3f7f9:
      return word("admin_fee");
    case 0x95ccc02f:
      return word("base_virtual_price");
    case 0x8296f84f:
      return word("base_cache_updated");
    case 0xbb7b8b80:  // get_virtual_price() of the base pool
      return word("virtual_price_of_base");
    case 0x6998c48d:  // snappedRedemptionPrice(), of which 18 of 27 digits are recorded
      return word_of(wrapping_mul(number_in(pool.at("redemption_price")), u256(1'000'000'000)));
    default:
      FAIL("it asks what was not recorded");
  }
  return {};
}

void open_in(CurvePool& venue, const json::object& pool) {
  std::vector<std::uint32_t> decimals;
  for (const json::value& coin : pool.at("coins").as_array()) {
    decimals.push_back(coin.at(1).to_number<std::uint32_t>());
  }
  RecordedPool named;
  named.variant = std::string_view(pool.at("variant").as_string());
  REQUIRE(venue.open(decimals, metadata_of(named)) == GANTRY_OK);
  venue.set_time(pool.at("time_s").to_number<std::uint64_t>());
  std::vector<std::vector<std::uint8_t>> answers;
  const std::vector<AskedOfChain> asks = venue.requests();
  for (const AskedOfChain& asked : asks) answers.push_back(answer_in(pool, asked));
  std::vector<gantry_fact> facts;
  for (std::size_t i = 0; i < asks.size(); ++i) {
    gantry_fact& fact = facts.emplace_back();
    fact.source = asks[i].fields.source;
    fact.tag = asks[i].fields.tag;
    fact.block = pool.at("block").to_number<std::uint64_t>();
    fact.emitter = asks[i].fields.target;
    fact.data = {answers[i].data(), answers[i].size()};
  }
  REQUIRE(venue.apply(facts) == GANTRY_OK);
}

u256 quoted_by(const CurvePool& venue, const json::array& row) {
  gantry_quote quote{};
  const gantry_swap swap{number_in(row.at(2)).amount(), row.at(0).to_number<std::uint32_t>(),
                         row.at(1).to_number<std::uint32_t>(), GANTRY_EXACT_IN, 0};
  REQUIRE(venue.quote(swap, quote) == GANTRY_OK);
  return u256(quote.amount_out);
}

std::string named(const json::object& pool, const json::array& row) {
  return std::string(std::string_view(pool.at("name").as_string())) + " " + json::serialize(row);
}

}  // namespace

TEST_CASE("Curve's pools answer as they answered on Ethereum, to the unit") {
  const json::object file = recorded_file();
  int same = 0;
  int one_less = 0;
  for (const json::value& each : file.at("pools").as_array()) {
    const json::object& pool = each.as_object();
    CurvePool venue;
    open_in(venue, pool);
    json::object free = pool;
    free["fee"] = "0";
    CurvePool without_fee;
    open_in(without_fee, free);
    const bool is_first = pool.at("variant").as_string() == "3pool";
    for (const json::value& value : pool.at("answers").as_array()) {
      const json::array& row = value.as_array();
      INFO(named(pool, row));
      const u256 answer = number_in(row.at(3));
      const u256 paid = quoted_by(venue, row);
      const bool coarse =
          pool.at("coins").at(row.at(1).to_number<std::size_t>()).at(1).as_int64() < 18;
      if (!is_first || !coarse) {
        CHECK(to_string(paid) == to_string(answer));
        ++same;
        continue;
      }
      // 3pool's get_dy() takes the fee from units of the coin, rounded up by what exchange() keeps
      // of it in 18 decimals: the same swap, of which one unit less can be paid.
      const u256 gross = quoted_by(without_fee, row);
      u256 fee;
      u256 rest;
      REQUIRE(
          divmod(wrapping_mul(gross, number_in(pool.at("fee"))), u256(fee_denominator), fee, rest));
      CHECK(to_string(wrapping_sub(gross, fee)) == to_string(answer));
      CHECK((paid == answer || wrapping_add(paid, u256(1)) == answer));
      (paid == answer ? same : one_less) += 1;
    }
  }
  CHECK(same + one_less == 42);
  CHECK(file.at("left_out_answers").as_int64() == 60 - 42);
  WARN(same << " quotes are the recorded answers, " << one_less
            << " one unit less: what exchange() pays where get_dy() of 3pool says one more");
}

TEST_CASE("a state that is one unit off does not give Curve's recorded answers") {
  // The answers are of that state alone: what is read of each field counts.
  const json::object file = recorded_file();
  const json::object& rai = file.at("pools").as_array().at(2).as_object();
  REQUIRE(rai.at("variant").as_string() == "meta_rai");
  const auto differing = [&](const char* name, const json::value& value) {
    json::object changed = rai;
    changed[name] = value;
    CurvePool venue;
    open_in(venue, changed);
    int differ = 0;
    for (const json::value& row : rai.at("answers").as_array()) {
      differ += quoted_by(venue, row.as_array()) == number_in(row.as_array().at(3)) ? 0 : 1;
    }
    return differ;
  };
  CHECK(differing("redemption_price", "2971996134945649119") == 0);
  CHECK(differing("redemption_price", "2971996134945650119") == 6);
  CHECK(differing("fee", "4000001") == 6);
  CHECK(differing("future_A", "10001") == 6);
  // The price that the pool keeps is younger than ten minutes; the base pool's own is not asked.
  CHECK(differing("virtual_price_of_base", "1") == 0);
  CHECK(differing("base_virtual_price", "1039823717209618332") > 0);
}

}  // namespace gantry::test
