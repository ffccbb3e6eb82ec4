// What holds for every venue, whatever its formula: laws of money.
#include <algorithm>
#include <cmath>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/kit/dex.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::size_t pools_for_laws = 10;
constexpr std::size_t amounts_for_laws = 14;
// Units of the token that comes out that splitting or turning round may gain by rounding.
constexpr std::uint64_t rounding = 3;
// One part of so many is what a pool whose quotes are approximate may be off by. They are never
// traded unsimulated, but they are searched, ranked and shown.
constexpr std::uint64_t approximation = 100;

std::string text(const u256& amount) { return to_string(amount); }

struct Trial {
  Loaded library;
  Instance instance;
  Dex dex;
  std::vector<Pool> pools;
  Random random;

  explicit Trial(const Subject& subject)
      : library(subject),
        instance(library),
        dex(library, instance.object(), false),
        pools(make_pools(dex, subject, subject.seed, pools_for_laws)),
        random(subject.seed ^ 0x5EEDULL) {}

  // f(pool, way) for every direction.
  template <class F>
  void each(F&& f) {
    for (const Pool& pool : pools) {
      for (const Way way : ways_of(pool)) f(At{&pool, {}}, way);
    }
  }
};

bool is_approximate(const At& at) { return (at.pool->traits.flags & GANTRY_POOL_APPROXIMATE) != 0; }

// `amount`, and what the pool's quotes may be off by.
u256 and_slack(const At& at, const u256& amount) {
  u256 most;
  if (!is_approximate(at)) return amount;
  return add(amount, part(amount, 1, approximation), most) ? most : u256::max();
}

std::string where(Way way) { return fmt::format("token {} to {}", way.in, way.out); }

// Amounts that this way takes: about a thousandth and a hundredth of what the pool has of the
// token.
u256 modest(Dex& dex, const At& at, Way way, std::uint64_t thousandths) {
  gantry_swap_limits limits{};
  const auto held = dex.balance(at, way.in);
  if (!held || dex.limits(at, way, limits) != GANTRY_OK) return {};
  const u256 amount = part(*held, thousandths, 1000);
  return amount < u256(limits.in_min) || amount > u256(limits.in_max) ? u256() : amount;
}

// Its segments are not exact: the price itself is rounded, so that amounts go in steps of it.
bool rounds_the_price(Dex& dex, const At& at, Way way) {
  std::vector<gantry_segment> rows;
  return dex.segments(at, way, rows) == GANTRY_OK && !rows.empty() &&
         (rows.front().flags & GANTRY_SEGMENT_EXACT) == 0;
}

// The greatest amount below `in` that pays less than `paid`, which `in` pays; zero pays nothing.
u256 below_step(Dex& dex, const At& at, Way way, const u256& in, const u256& paid) {
  u256 least;
  u256 most = in;
  while (wrapping_sub(most, least) > u256(1)) {
    const u256 middle = wrapping_add(least, part(wrapping_sub(most, least), 1, 2));
    const auto quoted = dex.quote(at, way, middle);
    (quoted.ok() && quoted.out() >= paid ? most : least) = middle;
  }
  return least;
}

// Whether at most one step of the price could be saved of `in`, which pays `paid` where `wanted`
// is: rounding the price once for the amount out and once for the amount in costs that much.
bool within_a_step(Dex& dex, const At& at, Way way, const u256& in, const u256& paid,
                   const u256& wanted) {
  const auto pays_less = [&](const u256& amount) {
    const auto quoted = dex.quote(at, way, amount);
    return !quoted.ok() || quoted.out() < wanted;
  };
  if (pays_less(wrapping_sub(in, u256(2)))) return true;
  const u256 before = below_step(dex, at, way, in, paid);
  if (before.is_zero() || pays_less(before)) return true;
  const u256 first = below_step(dex, at, way, before, dex.quote(at, way, before).out());
  return first.is_zero() || pays_less(first);
}

// floor of the segment's formula, as gantry_segment says it; false: it overflows.
bool segment_pays(const gantry_segment& segment, const u256& in, u256& out) {
  u256 kept;
  u256 base;
  return mul(in, u256(segment.fee_denominator - segment.fee), kept) &&
         mul(u256(segment.reserve_in), u256(segment.fee_denominator), base) &&
         add(base, kept, base) && !base.is_zero() &&
         mul_div_floor(kept, u256(segment.reserve_out), base, out);
}

}  // namespace

void check_dex_quotes(Subject& subject) {
  Trial trial(subject);
  trial.each([&](const At& at, Way way) {
    const auto held = trial.dex.balance(at, way.out);
    u256 before;
    u256 paid_before;
    std::vector<gantry_swap> swaps;
    for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, amounts_for_laws)) {
      swaps.push_back({amount, way.in, way.out, GANTRY_EXACT_IN, 0});
      const auto quoted = trial.dex.quote(at, way, amount);
      if (!quoted.ok()) continue;
      require(quoted.in() == amount, fmt::format("a quote of {} says that {} goes in ({})",
                                                 text(amount), text(quoted.in()), where(way)));
      require(!quoted.out().is_zero(),
              fmt::format("a quote of {} is GANTRY_OK and pays nothing ({}): that is "
                          "GANTRY_NO_LIQUIDITY",
                          text(amount), where(way)));
      if (held) {
        require(quoted.out() <= *held,
                fmt::format("{} pays {}, and the pool has {} ({})", text(amount),
                            text(quoted.out()), text(*held), where(way)));
      }
      require(quoted.out() >= paid_before,
              fmt::format("{} pays {}, and less, {}, pays more: {} ({})", text(amount),
                          text(quoted.out()), text(before), text(paid_before), where(way)));
      require(u256(quoted.quote.fee) <= (quoted.quote.fee_on_out != 0 ? quoted.out() : amount) ||
                  quoted.quote.fee_on_out != 0,
              fmt::format("of {} in, {} is said to be the fee", text(amount),
                          text(u256(quoted.quote.fee))));
      const auto& q = quoted.quote;
      require(q.price_impact >= 0 && q.price_impact <= 1, "its price_impact is not in 0 to 1");
      gantry_swap wants = swaps.back();
      wants.wants = GANTRY_WANT_IMPACT;
      const auto detailed = trial.dex.quote(at, wants);
      require(detailed.ok() && detailed.out() == quoted.out(),
              "asked for the price impact too, it quotes another amount");
      require(detailed.quote.price_impact >= 0 && detailed.quote.price_impact <= 1,
              "its price_impact is not in 0 to 1");
      before = amount;
      paid_before = quoted.out();
    }
    trial.dex.quote_many(at, swaps);
    trial.dex.quote_many(at, {});
  });
}

void check_dex_round_trip(Subject& subject) {
  Trial trial(subject);
  trial.each([&](const At& at, Way way) {
    const double fee = trial.dex.fee(at) / 1e6;
    for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, amounts_for_laws)) {
      At after;
      const auto there = trial.dex.swap(at, way, amount, after);
      if (!there.ok()) continue;
      const auto back = trial.dex.quote(after, {way.out, way.in}, there.out());
      if (!back.ok()) continue;
      require(back.out() <= and_slack(at, amount),
              fmt::format("{} of token {} become {} of token {}, which become {}: a gain of {}",
                          text(amount), way.in, text(there.out()), way.out, text(back.out()),
                          text(wrapping_sub(back.out(), amount))));
      // What is lost is two fees, of the pool or of the quotes, and rounding.
      const double in = to_double(amount);
      const double out = to_double(there.out());
      const double kept =
          (1 - std::max(fee, to_double(u256(there.quote.fee)) /
                                 (there.quote.fee_on_out != 0 ? out : in))) *
          (1 - std::max(fee, to_double(u256(back.quote.fee)) /
                                 (back.quote.fee_on_out != 0 ? to_double(back.out()) : out)));
      const u256 half = part(trial.dex.balance(at, way.in).value_or(u256()), 1, 2);
      if (out < 1e6 || in < 1e6 || amount > half) continue;  // rounding, or all that there is
      if (is_approximate(at)) continue;                      // who loses too much is not traded
      require(to_double(back.out()) >= in * kept * (1 - 1e-3),
              fmt::format("{} of token {} come back as {}, which is less than its fee of {} ppm "
                          "twice explains",
                          text(amount), way.in, text(back.out()), trial.dex.fee(at)));
    }
  });
}

void check_dex_split(Subject& subject) {
  Trial trial(subject);
  trial.each([&](const At& at, Way way) {
    for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, amounts_for_laws)) {
      const auto whole = trial.dex.quote(at, way, amount);
      if (!whole.ok()) continue;
      // A fee taken of what comes out stays in the pool, so that the second part finds more there,
      // and one that grows with the imbalance is less of each part: up to that fee can be saved.
      const u256 saved = whole.quote.fee_on_out != 0 ? u256(whole.quote.fee) : u256();
      for (const std::uint64_t share : {1ULL, 8ULL, 15ULL}) {
        const u256 first = part(amount, share, 16);
        const u256 second = wrapping_sub(amount, first);
        At after;
        const auto a = trial.dex.swap(at, way, first, after);
        if (!a.ok()) continue;
        const auto b = trial.dex.quote(after, way, second);
        if (!b.ok()) continue;
        u256 both;
        u256 most;
        require(add(a.out(), b.out(), both), "two halves of a swap pay more than 2^256");
        require(!add(and_slack(at, whole.out()), u256(rounding), most) || !add(most, saved, most) ||
                    both <= most,
                fmt::format("{} at once pay {}, in two parts, {} first, {}: {} more ({})",
                            text(amount), text(whole.out()), text(first), text(both),
                            text(wrapping_sub(both, whole.out())), where(way)));
      }
    }
  });
}

void check_dex_next_state(Subject& subject) {
  Trial trial(subject);
  trial.each([&](const At& at, Way way) {
    At now = at;
    for (int step = 0; step < 3; ++step) {
      const u256 amount = modest(trial.dex, now, way, 5 + trial.random.below(10));
      if (amount.is_zero()) return;
      At after;
      const auto done = trial.dex.swap(now, way, amount, after);
      if (!done.ok()) return;
      const auto plain = trial.dex.quote(now, way, amount);
      require(plain.ok() && plain.out() == done.out(),
              "with its next state it quotes another amount than without");
      const auto out_before = trial.dex.balance(now, way.out);
      const auto out_after = trial.dex.balance(after, way.out);
      const auto in_before = trial.dex.balance(now, way.in);
      const auto in_after = trial.dex.balance(after, way.in);
      if (out_before && out_after && in_before && in_after) {
        u256 left;
        require(sub(*out_before, done.out(), left) && *out_after <= left,
                fmt::format("of {} the pool pays {}, and {} are left ({})", text(*out_before),
                            text(done.out()), text(*out_after), where(way)));
        // Fees on what comes out may leave with it; nothing else does.
        const double lost = to_double(left) - to_double(*out_after);
        require(lost <= to_double(done.out()) * 0.05 + 2,
                fmt::format("of {} the pool pays {}, and only {} are left ({})", text(*out_before),
                            text(done.out()), text(*out_after), where(way)));
        u256 most;
        require(add(*in_before, amount, most) && *in_after <= most && *in_after >= *in_before,
                fmt::format("to {} come {}, and the pool says that it has {} ({})",
                            text(*in_before), text(amount), text(*in_after), where(way)));
        const double kept = to_double(*in_after) - to_double(*in_before);
        require(kept >= to_double(amount) * 0.9,
                fmt::format("{} go in, and the pool has only {} more ({})", text(amount),
                            text(wrapping_sub(*in_after, *in_before)), where(way)));
      }
      // The same again pays less, but not by much: a hundredth moves the price by about two.
      const auto again = trial.dex.quote(after, way, amount);
      if (again.ok() && done.out() > u256(1'000'000)) {
        require(again.out() <= done.out(),
                fmt::format("{} pay {}, and the same again {}: the price did not move ({})",
                            text(amount), text(done.out()), text(again.out()), where(way)));
        require(to_double(again.out()) >= to_double(done.out()) * 0.9,
                fmt::format("{} pay {}, and the same again only {} ({})", text(amount),
                            text(done.out()), text(again.out()), where(way)));
        const auto both = trial.dex.quote(now, way, wrapping_add(amount, amount));
        if (both.ok()) {
          const double parts = to_double(done.out()) + to_double(again.out());
          require(parts >= to_double(both.out()) * 0.99,
                  fmt::format("{} twice pay {} and {}, at once {}: the state between is not that "
                              "of the swap ({})",
                              text(amount), text(done.out()), text(again.out()), text(both.out()),
                              where(way)));
        }
      }
      now = after;
    }
  });
}

void check_dex_exact_out(Subject& subject) {
  Trial trial(subject);
  std::uint64_t samples = 0;
  std::uint64_t one_too_many = 0;
  bool any = false;
  trial.each([&](const At& at, Way way) {
    gantry_swap_limits limits{};
    if (trial.dex.limits(at, way, limits) != GANTRY_OK) return;
    if ((at.pool->traits.flags & GANTRY_POOL_EXACT_OUT) == 0) return;
    any = true;
    const bool rounds_between = rounds_the_price(trial.dex, at, way);
    for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, amounts_for_laws)) {
      const auto forward = trial.dex.quote(at, way, amount);
      if (!forward.ok()) continue;
      for (const u256& wanted :
           {forward.out(), part(forward.out(), 1 + trial.random.below(99), 100)}) {
        if (wanted.is_zero()) continue;
        const auto asked = trial.dex.quote(at, way, wanted, GANTRY_EXACT_OUT);
        if (!asked.ok()) continue;
        require(asked.out() == wanted,
                fmt::format("asked for exactly {}, it says that {} comes out", text(wanted),
                            text(asked.out())));
        const auto paid = trial.dex.quote(at, way, asked.in());
        if (is_approximate(at)) {
          require(!paid.ok() || and_slack(at, paid.out()) >= wanted,
                  fmt::format("for exactly {} it wants {}, and {} pay {}, which no approximation "
                              "explains ({})",
                              text(wanted), text(asked.in()), text(asked.in()), text(paid.out()),
                              where(way)));
          continue;
        }
        require(paid.ok() && paid.out() >= wanted,
                fmt::format("for exactly {} it wants {}, and {} pay {} ({})", text(wanted),
                            text(asked.in()), text(asked.in()),
                            paid.ok() ? text(paid.out()) : status_text(paid.status), where(way)));
        if (asked.in() < u256(3)) continue;
        if (rounds_between) {
          require(
              within_a_step(trial.dex, at, way, asked.in(), paid.out(), wanted),
              fmt::format("for exactly {} it wants {}, and two steps of its price less would do "
                          "({})",
                          text(wanted), text(asked.in()), where(way)));
          continue;
        }
        // Where one less does not do, two less may: a solver's last unit is not always monotone.
        const auto one_less = trial.dex.quote(at, way, wrapping_sub(asked.in(), u256(1)));
        ++samples;
        if (!one_less.ok() || one_less.out() < wanted) continue;
        ++one_too_many;
        const auto less = trial.dex.quote(at, way, wrapping_sub(asked.in(), u256(2)));
        require(!less.ok() || less.out() < wanted,
                fmt::format("for exactly {} it wants {}, and two less would do ({})", text(wanted),
                            text(asked.in()), where(way)));
      }
    }
    const auto round = trial.dex.quote(at, way, u256(1'000'000), 7);
    require(!round.ok(), "it quotes a mode that there is not");
  });
  if (!any) throw Skipped{"none of its pools quotes exact out"};
  // A chain's formula may add one to a quotient without a remainder, which is rare.
  require(samples < 8 || one_too_many * 4 < samples,
          fmt::format("for {} of {} amounts out it wants one more than is needed", one_too_many,
                      samples));
}

void check_dex_segments(Subject& subject) {
  Trial trial(subject);
  bool any = false;
  trial.each([&](const At& at, Way way) {
    std::vector<gantry_segment> rows;
    for (const std::uint32_t room : {0U, 1U}) trial.dex.segments(at, way, rows, room);
    rows.clear();
    if (trial.dex.segments(at, way, rows) != GANTRY_OK || rows.empty()) return;
    if ((at.pool->traits.flags & GANTRY_POOL_SEGMENTS) == 0) return;
    any = true;
    for (const gantry_segment& row : rows) {
      require(row.fee_denominator > 0 && row.fee < row.fee_denominator,
              fmt::format("a segment's fee is {} of {}", row.fee, row.fee_denominator));
    }
    const gantry_segment& first = rows.front();
    const bool exact = (first.flags & GANTRY_SEGMENT_EXACT) != 0;
    for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, amounts_for_laws)) {
      u256 pays;
      const auto quoted = trial.dex.quote(at, way, amount);
      if (amount >= u256(first.in_end) || !segment_pays(first, amount, pays)) continue;
      if (!quoted.ok()) {
        require(!exact || pays.is_zero() || quoted.status == GANTRY_NEED_STATE,
                fmt::format("a segment pays {} for {}, and quote() answers {} ({})", text(pays),
                            text(amount), status_text(quoted.status), where(way)));
        continue;
      }
      const double off = std::fabs(to_double(pays) - to_double(quoted.out()));
      require(exact ? pays == quoted.out() : off <= to_double(quoted.out()) * 0.01 + 2,
              fmt::format("a segment pays {} for {}, and quote() {} ({})", text(pays), text(amount),
                          text(quoted.out()), where(way)));
    }
  });
  if (!any) throw Skipped{"none of its pools has segments"};
}

void check_dex_limits(Subject& subject) {
  Trial trial(subject);
  trial.each([&](const At& at, Way way) {
    gantry_swap_limits limits{};
    if (trial.dex.limits(at, way, limits) != GANTRY_OK) return;
    const u256 least(limits.in_min);
    const u256 most(limits.in_max);
    require(!least.is_zero() && least <= most,
            fmt::format("from {} to {} is no range ({})", text(least), text(most), where(way)));
    const auto at_least = trial.dex.quote(at, way, least);
    require(at_least.ok(), fmt::format("its least amount, {}, is answered {} ({})", text(least),
                                       status_text(at_least.status), where(way)));
    const auto at_most = trial.dex.quote(at, way, most);
    require(at_most.ok() || at_most.status == GANTRY_NEED_STATE,
            fmt::format("its most, {}, is answered {} ({})", text(most),
                        status_text(at_most.status), where(way)));
    if (least > u256(1)) {
      const auto below = trial.dex.quote(at, way, wrapping_sub(least, u256(1)));
      require(!below.ok() || below.out().is_zero(),
              fmt::format("one less than its least, {}, pays {} ({})", text(least),
                          text(below.out()), where(way)));
    }
    if (most < u256::max()) {
      const auto above = trial.dex.quote(at, way, wrapping_add(most, u256(1)));
      require(!above.ok(),
              fmt::format("one more than its most, {}, is quoted ({})", text(most), where(way)));
    }
    for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, amounts_for_laws)) {
      const auto quoted = trial.dex.quote(at, way, amount);
      require(!quoted.ok() || quoted.out() <= u256(limits.out_max),
              fmt::format("{} pays {}, above its out_max of {} ({})", text(amount),
                          text(quoted.out()), text(u256(limits.out_max)), where(way)));
    }
  });
}

}  // namespace gantry::host::kit
