// What a recording keeps of a trade's end.
#include "host/execute/fill.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

using namespace gantry;
using namespace gantry::host;

TEST_CASE("a fill is written and read back the same") {
  std::mt19937_64 random(5);
  const auto amount = [&] {
    return u256::from_limbs(random(), random() % 3, random() % 2, random() % 2);
  };
  for (int i = 0; i < 500; ++i) {
    Fill fill;
    fill.group = i % 7 == 0 ? Fill::no_group : random();
    fill.strategy = static_cast<std::uint32_t>(random());
    fill.key = random();
    fill.block = random();
    fill.reason = i % 3 == 0 ? FillReason::none : static_cast<FillReason>(1001 + random() % 14);
    fill.amount_in = amount();
    fill.amount_out = amount();
    fill.in_block = random() % 100;
    fill.gained = random() % 2 == 0;
    fill.amount_wei = amount();
    fill.amount_usd_e6 = random();
    fill.gas_wei = amount();
    fill.deviation_bps = static_cast<double>(random() % 100'000) / 7;
    if (i % 5 == 0) {
      fill.of_strategy = "of the \"back\" again";
      for (int k = 0; k < i % 4; ++k) fill.of_venues.push_back("venue " + std::to_string(k));
    }
    if (i % 2 == 0) fill.telling = Telling::again;
    const auto back = parse_fill(to_text(fill));
    REQUIRE(back);
    CHECK(to_text(*back) == to_text(fill));
    CHECK(back->reason == fill.reason);
    CHECK(back->of_strategy == fill.of_strategy);
    CHECK(back->of_venues == fill.of_venues);
    CHECK(back->telling == fill.telling);
    CHECK(back->deviation_bps == fill.deviation_bps);
    CHECK(back->executed() == (fill.in_block != 0));
  }
}

TEST_CASE("what is no fill is refused") {
  const std::string good = to_text(Fill());
  REQUIRE(parse_fill(good));
  CHECK_FALSE(parse_fill(""));
  CHECK_FALSE(parse_fill(good + " 1"));
  CHECK_FALSE(parse_fill(good + " again again"));
  CHECK_FALSE(parse_fill(good + " back 1"));
  CHECK(parse_fill(good + " of 0x61"));
  CHECK(parse_fill(good + " back of 0x61 0x62"));
  for (const char* bad : {" of", " of 61", " of 0x", " of 0x6", " of 0x61 x", " of 0x61 0x",
                          " of 0x61 of 0x61", " of 0x61 back"}) {
    INFO(bad);
    CHECK_FALSE(parse_fill(good + bad));
  }
  std::string many = good + " of 0x61";
  for (int i = 0; i < 65; ++i) many += " 0x62";
  CHECK_FALSE(parse_fill(many));
  CHECK_FALSE(parse_fill(good.substr(0, good.rfind(' '))));
  CHECK_FALSE(parse_fill("x" + good.substr(1)));
  // Each field in turn is no number, or out of its range.
  std::size_t begin = 0;
  for (int field = 0; field < 13; ++field) {
    const std::size_t end = std::min(good.find(' ', begin), good.size());
    for (const char* bad : {"-1", "1.5", "0x1", "nan"}) {
      INFO("field " << field << ": " << bad);
      CHECK_FALSE(parse_fill(good.substr(0, begin) + bad + good.substr(end)));
    }
    begin = end + 1;
  }
  const auto with_reason = [&](const char* reason) {
    // The fifth field.
    std::size_t at = 0;
    for (int i = 0; i < 4; ++i) at = good.find(' ', at) + 1;
    return good.substr(0, at) + reason + good.substr(good.find(' ', at));
  };
  CHECK(parse_fill(with_reason("1016")));
  CHECK_FALSE(parse_fill(with_reason("1017")));
  CHECK_FALSE(parse_fill(with_reason("1000")));
  CHECK_FALSE(parse_fill(with_reason("1")));
}

TEST_CASE("a fill says whether it was told before, or is taken back") {
  const std::string first = to_text(Fill());
  CHECK(parse_fill(first)->telling == Telling::first);
  for (const Telling telling : {Telling::taken_back, Telling::again}) {
    Fill fill;
    fill.telling = telling;
    const std::string text = to_text(fill);
    CHECK(text != first);
    const auto back = parse_fill(text);
    REQUIRE(back);
    CHECK(back->telling == telling);
    CHECK(back->is_taken_back() == (telling == Telling::taken_back));
  }
}

TEST_CASE("each reason has words of its own") {
  std::set<std::string_view> words{to_string(FillReason::none)};
  for (std::int32_t reason = 1001; reason <= 1016; ++reason) {
    const auto text = to_string(static_cast<FillReason>(reason));
    CHECK(text != "unknown");
    CHECK(words.insert(text).second);
  }
  CHECK(to_string(static_cast<FillReason>(1017)) == "unknown");
}
