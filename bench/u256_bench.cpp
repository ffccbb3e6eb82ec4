// 256-bit arithmetic over 4,096 shuffled operands, beside Boost.Multiprecision with the same flags.
//
// "throughput" runs independent calls, as over many pools; "latency" feeds each result into the
// next call, as along a route. Every answer is compared with Boost's before anything is timed.
#include <benchmark/benchmark.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <gantry/constant_product.hpp>
#include <gantry/u256.hpp>
#include <random>
#include <vector>

namespace {

using gantry::u256;
using Boost256 = boost::multiprecision::uint256_t;
using Boost512 = boost::multiprecision::uint512_t;

constexpr std::size_t count = 4096;

struct Swap {
  gantry::ConstantProduct pool;
  u256 amount;
};

struct BoostSwap {
  Boost256 reserve_in;
  Boost256 reserve_out;
  Boost256 amount;
};

struct Triple {
  u256 a;
  u256 b;
  u256 divisor;
};

struct BoostTriple {
  Boost256 a;
  Boost256 b;
  Boost256 divisor;
};

Boost256 to_boost(const u256& value) {
  Boost256 result = 0;
  for (std::size_t i = 4; i-- > 0;) result = (result << 64) | value.limb(i);
  return result;
}

class Numbers {
 public:
  // Uniform in width from `least` to `most` bits, then uniform in value.
  u256 next(unsigned least, unsigned most) {
    const unsigned width = least + static_cast<unsigned>(random_() % (most - least + 1));
    const u256 value = u256::from_limbs(random_(), random_(), random_(), random_());
    return bitwise_or(shift_left(u256(1), width - 1), shift_right(value, 257 - width));
  }

 private:
  std::mt19937_64 random_{4096};
};

// Which operands: tokens of 6 to 18 decimals, or whatever a pair's 112 bits can hold.
enum Widths : std::int64_t { common = 0, full = 1 };

std::vector<Swap> make_swaps(std::int64_t widths) {
  Numbers numbers;
  std::vector<Swap> swaps(count);
  for (Swap& swap : swaps) {
    const bool narrow = widths == common;
    swap.pool.reserve_in = narrow ? numbers.next(40, 90) : numbers.next(112, 112);
    swap.pool.reserve_out = narrow ? numbers.next(40, 90) : numbers.next(112, 112);
    swap.amount = narrow ? numbers.next(20, 70) : numbers.next(1, 112);
  }
  return swaps;
}

std::vector<BoostSwap> to_boost(const std::vector<Swap>& swaps) {
  std::vector<BoostSwap> result;
  result.reserve(swaps.size());
  for (const Swap& swap : swaps) {
    result.push_back(
        {to_boost(swap.pool.reserve_in), to_boost(swap.pool.reserve_out), to_boost(swap.amount)});
  }
  return result;
}

Boost256 boost_amount_out(const BoostSwap& swap) {
  const Boost256 in_kept = swap.amount * 997U;
  return Boost256(in_kept * swap.reserve_out) / Boost256(swap.reserve_in * 1000U + in_kept);
}

// a * b / divisor as concentrated liquidity has them: a of 128 to 224 bits, a price of 160.
std::vector<Triple> make_triples(std::int64_t widths) {
  Numbers numbers;
  std::vector<Triple> triples(count);
  for (Triple& triple : triples) {
    const bool narrow = widths == common;
    triple.a = narrow ? numbers.next(60, 128) : numbers.next(128, 224);
    triple.b = narrow ? numbers.next(60, 128) : numbers.next(100, 160);
    triple.divisor = narrow ? numbers.next(100, 128) : numbers.next(140, 160);
  }
  return triples;
}

std::vector<BoostTriple> to_boost(const std::vector<Triple>& triples) {
  std::vector<BoostTriple> result;
  result.reserve(triples.size());
  for (const Triple& triple : triples) {
    result.push_back({to_boost(triple.a), to_boost(triple.b), to_boost(triple.divisor)});
  }
  return result;
}

Boost512 boost_mul_div(const BoostTriple& triple) {
  return Boost512(triple.a) * triple.b / triple.divisor;
}

void per_call(benchmark::State& state) {
  const auto calls = state.iterations() * static_cast<std::int64_t>(count);
  state.SetItemsProcessed(calls);
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

bool swaps_are_right(benchmark::State& state, const std::vector<Swap>& swaps) {
  const std::vector<BoostSwap> peers = to_boost(swaps);
  for (std::size_t i = 0; i < count; ++i) {
    const Swap& swap = swaps[i];
    u256 out;
    u256 in;
    u256 fee;
    u256 again;
    const bool right = amount_out(swap.pool, swap.amount, out) == GANTRY_OK &&
                       to_boost(out) == boost_amount_out(peers[i]) &&
                       fee_of(swap.pool, swap.amount, fee) == GANTRY_OK &&
                       to_boost(fee) == (peers[i].amount * 3U + 999U) / 1000U &&
                       amount_in(swap.pool, out, in) == GANTRY_OK &&
                       amount_out(swap.pool, in, again) == GANTRY_OK && again >= out;
    if (!right) {
      state.SkipWithError("a swap differs from Boost.Multiprecision");
      return false;
    }
  }
  return true;
}

bool triples_are_right(benchmark::State& state, const std::vector<Triple>& triples) {
  const std::vector<BoostTriple> peers = to_boost(triples);
  for (std::size_t i = 0; i < count; ++i) {
    u256 out;
    const Boost512 expected = boost_mul_div(peers[i]);
    const bool fits = expected <= (Boost512(1) << 256) - 1;
    if (mul_div_floor(triples[i].a, triples[i].b, triples[i].divisor, out) != fits ||
        (fits && Boost512(to_boost(out)) != expected)) {
      state.SkipWithError("a result differs from Boost.Multiprecision");
      return false;
    }
  }
  return true;
}

template <typename Operand, typename Call>
void run(benchmark::State& state, const std::vector<Operand>& operands, Call call) {
  for (auto _ : state) {
    for (const Operand& operand : operands) benchmark::DoNotOptimize(call(operand));
  }
  per_call(state);
}

void v2_amount_out_throughput(benchmark::State& state) {
  const std::vector<Swap> swaps = make_swaps(state.range(0));
  if (!swaps_are_right(state, swaps)) return;
  run(state, swaps, [](const Swap& swap) {
    u256 out;
    (void)amount_out(swap.pool, swap.amount, out);
    return out.limb(0) ^ out.limb(1);
  });
}

void v2_amount_out_and_fee_throughput(benchmark::State& state) {
  const std::vector<Swap> swaps = make_swaps(state.range(0));
  if (!swaps_are_right(state, swaps)) return;
  run(state, swaps, [](const Swap& swap) {
    u256 out;
    u256 fee;
    (void)amount_out(swap.pool, swap.amount, out);
    (void)fee_of(swap.pool, swap.amount, fee);
    return out.limb(0) ^ out.limb(1) ^ fee.limb(0) ^ fee.limb(1);
  });
}

void v2_amount_out_latency(benchmark::State& state) {
  const std::vector<Swap> swaps = make_swaps(state.range(0));
  if (!swaps_are_right(state, swaps)) return;
  std::uint64_t last = 0;
  run(state, swaps, [&last](const Swap& swap) {
    const u256 amount = u256::from_limbs(swap.amount.limb(0) ^ (last & 1), swap.amount.limb(1),
                                         swap.amount.limb(2), swap.amount.limb(3));
    u256 out;
    (void)amount_out(swap.pool, amount, out);
    return last = out.limb(0);
  });
}

void v2_amount_in_throughput(benchmark::State& state) {
  std::vector<Swap> swaps = make_swaps(state.range(0));
  if (!swaps_are_right(state, swaps)) return;
  for (Swap& swap : swaps) {  // what each swap gives, so that it can be asked for
    u256 out;
    (void)amount_out(swap.pool, swap.amount, out);
    swap.amount = out;
  }
  run(state, swaps, [](const Swap& swap) {
    u256 in;
    (void)amount_in(swap.pool, swap.amount, in);
    return in.limb(0) ^ in.limb(1);
  });
}

void v2_amount_out_boost_throughput(benchmark::State& state) {
  const std::vector<BoostSwap> swaps = to_boost(make_swaps(state.range(0)));
  run(state, swaps,
      [](const BoostSwap& swap) { return boost_amount_out(swap).backend().limbs()[0]; });
}

void mul_div_throughput(benchmark::State& state) {
  const std::vector<Triple> triples = make_triples(state.range(0));
  if (!triples_are_right(state, triples)) return;
  run(state, triples, [](const Triple& triple) {
    u256 out;
    (void)mul_div_floor(triple.a, triple.b, triple.divisor, out);
    return out.limb(0) ^ out.limb(2);
  });
}

void mul_div_boost_throughput(benchmark::State& state) {
  const std::vector<BoostTriple> triples = to_boost(make_triples(state.range(0)));
  run(state, triples,
      [](const BoostTriple& triple) { return boost_mul_div(triple).backend().limbs()[0]; });
}

void isqrt_throughput(benchmark::State& state) {
  const std::vector<Triple> triples = make_triples(state.range(0));
  for (const Triple& triple : triples) {
    if (to_boost(isqrt_floor(triple.a)) != sqrt(to_boost(triple.a))) {
      state.SkipWithError("a square root differs from Boost.Multiprecision");
      return;
    }
  }
  run(state, triples, [](const Triple& triple) { return isqrt_floor(triple.a).limb(0); });
}

void isqrt_boost_throughput(benchmark::State& state) {
  const std::vector<BoostTriple> triples = to_boost(make_triples(state.range(0)));
  run(state, triples,
      [](const BoostTriple& triple) { return Boost256(sqrt(triple.a)).backend().limbs()[0]; });
}

BENCHMARK(v2_amount_out_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(v2_amount_out_and_fee_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(v2_amount_out_latency)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(v2_amount_in_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(v2_amount_out_boost_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(mul_div_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(mul_div_boost_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(isqrt_throughput)->ArgName("full_width")->Arg(common)->Arg(full);
BENCHMARK(isqrt_boost_throughput)->ArgName("full_width")->Arg(common)->Arg(full);

}  // namespace
