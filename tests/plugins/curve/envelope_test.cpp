// The bound that the search for cycles composes, on recorded pools of each variant: stable ones,
// out of balance too, and crypto ones.
#include "gantry/search/envelope.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "gantry/u256_convert.hpp"
#include "plugins/curve/answers.hpp"
#include "plugins/curve/curve_pool.hpp"

namespace gantry::test {
namespace {

// One pool behind a market's services.
class OnePool {
 public:
  OnePool(const CurvePool& pool, std::uint32_t tokens) : pool_(pool) {
    for (std::uint32_t i = 0; i < tokens; ++i) handles_.push_back(i);
    services_.pool = [](const gantry_market* market, std::uint32_t, gantry_pool* out) {
      const OnePool& self = *static_cast<const OnePool*>(market->self);
      *out = {};
      out->tokens = self.handles_.data();
      out->token_count = static_cast<std::uint32_t>(self.handles_.size());
      return gantry_status{GANTRY_OK};
    };
    services_.limits = [](const gantry_market* market, std::uint32_t, std::uint32_t in,
                          std::uint32_t out, gantry_swap_limits* limits) {
      return static_cast<const OnePool*>(market->self)->pool_.limits(in, out, *limits);
    };
    services_.quote_many = [](const gantry_market* market, std::uint32_t, const gantry_swap* swaps,
                              std::uint32_t count, gantry_quote* out, gantry_status* statuses) {
      for (std::uint32_t i = 0; i < count; ++i) {
        statuses[i] = static_cast<const OnePool*>(market->self)->pool_.quote(swaps[i], out[i]);
      }
      return gantry_status{GANTRY_OK};
    };
    market_.self = this;
    market_.services = &services_;
  }
  OnePool(const OnePool&) = delete;
  OnePool& operator=(const OnePool&) = delete;

  Market market() const { return Market(&market_); }

 private:
  const CurvePool& pool_;
  std::vector<std::uint32_t> handles_;
  gantry_market_services services_{};
  gantry_market market_{};
};

struct Compared {
  int amounts = 0;
  int above = 0;       // that pay a unit or more above the bound
  double excess = 0;   // of the bound, the most
  double loosest = 0;  // of the gains at a margin of one percent, bound by truth
};

// Everything between a billionth of what the pool can take and all of it, and what a trade at a
// return price that leaves one percent at first would gain.
void compare(const CurvePool& pool, std::uint32_t in, std::uint32_t out,
             const search::Envelope& bound, double in_most, Compared& all) {
  const double back = 1.01 / bound.rate;
  double gain = 0;
  for (double x = std::max(1.0, in_most * 1e-9); x < in_most; x *= 1.3) {
    u256 amount;
    gantry_quote quote{};
    if (!from_double_floor(x, amount)) break;
    if (pool.quote({amount, in, out, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK) continue;
    const double exact_x = to_double(amount);
    const double paid = to_double(u256(quote.amount_out));
    ++all.amounts;
    const double most = bound.rate * exact_x / (1 + bound.slope * exact_x);
    if (paid >= most + 1) {
      ++all.above;
      all.excess = std::max(all.excess, paid / most - 1);
    }
    gain = std::max(gain, paid * back - exact_x);
  }
  const double root = std::sqrt(1.01) - 1;
  if (gain > 0) all.loosest = std::max(all.loosest, root * root / bound.slope / gain);
}

}  // namespace

TEST_CASE("no recorded pool pays more than its envelope") {
  // With a fee that falls as the pool comes into balance, one unit more may pay more than the last.
  struct Variant {
    const char* name;
    bool is_concave;
  };
  constexpr Variant variants[] = {{"3pool", true},        {"base", true}, {"factory_plain", true},
                                  {"meta", true},         {"ng", false},  {"twocrypto_ng", false},
                                  {"tricrypto_ng", false}};
  for (const auto& [variant, is_concave] : variants) {
    CurvePool pool;
    Compared all;
    int hops = 0;
    for (const RecordedPool& recorded : read_answers(std::filesystem::path(GANTRY_CURVE_ANSWERS) /
                                                     (std::string(variant) + ".zst"))) {
      REQUIRE(pool.open(recorded.decimals, metadata_of(recorded)) == GANTRY_OK);
      const auto tokens = static_cast<std::uint32_t>(recorded.decimals.size());
      const OnePool one(pool, tokens);
      for (std::size_t s = 0; s < recorded.states.size(); s += 12) {
        REQUIRE(pool.feed(recorded, recorded.states[s]) == GANTRY_OK);
        for (std::uint32_t in = 0; in < tokens; ++in) {
          for (std::uint32_t out = 0; out < tokens; ++out) {
            gantry_swap_limits limits{};
            if (in == out || pool.limits(in, out, limits) != GANTRY_OK) continue;
            // As the host makes a shape: from a part of what the pool holds.
            std::vector<u256> balances;
            REQUIRE(pool.view(balances) == GANTRY_OK);
            const u256 little = shift_right(balances[in], 6);
            gantry_quote quote{};
            if (pool.quote({little, in, out, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK ||
                u256(quote.amount_out).is_zero()) {
              continue;
            }
            const search::Leg leg{{little, u256(quote.amount_out), 0, 1}, little, false};
            search::Envelope bound{};
            REQUIRE(search::read_envelope(one.market(), {0, in, out, 0}, leg, bound));
            const double most = to_double(u256(limits.out_max)) / bound.rate * 4;
            compare(pool, in, out, bound, std::min(most, to_double(u256(limits.in_max))), all);
            ++hops;
          }
        }
      }
    }
    INFO(variant << ": " << hops << " hops, " << all.amounts << " amounts, " << all.above
                 << " above by up to " << all.excess << ", loosest " << all.loosest);
    CHECK(hops > 10);
    CHECK(all.amounts > 500);
    CHECK(all.above <= (is_concave ? 0 : all.amounts / 200));
    CHECK(all.excess < 0.1);
    CHECK(all.loosest < 1e6);
  }
}

}  // namespace gantry::test
