// The best split by trying every one: nothing of the product is used.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace split_reference {

__extension__ typedef unsigned __int128 Wide;

struct Pair {
  std::uint64_t a;
  std::uint64_t b;
};

// As UniswapV2Library.getAmountOut.
inline std::uint64_t pays(const Pair& pair, bool buys, std::uint64_t in) {
  const auto reserve_in = static_cast<Wide>(buys ? pair.a : pair.b);
  const auto reserve_out = static_cast<Wide>(buys ? pair.b : pair.a);
  const Wide kept = static_cast<Wide>(in) * 997;
  return static_cast<std::uint64_t>(kept * reserve_out / (reserve_in * 1000 + kept));
}

// By depth first search over all amounts of all pools; the pools before `buyer_count` buy.
class Exhaustive {
 public:
  Exhaustive(const std::vector<Pair>& pairs, std::size_t buyer_count, std::uint64_t in_max)
      : pairs_(pairs), buyer_count_(buyer_count), in_max_(in_max) {}

  std::uint64_t best() {
    // What so much of B costs at least, and sells for at most.
    std::uint64_t depth = 0;
    for (std::size_t i = 0; i < buyer_count_; ++i) depth += pairs_[i].b;
    cost_.assign(depth + 1, none);
    spend(0, 0, 0);
    std::uint64_t found = 0;
    for (std::uint64_t bought = 1; bought <= depth; ++bought) {
      if (cost_[bought] == none) continue;
      sold_ = 0;
      sell(buyer_count_, bought, 0);
      if (sold_ > cost_[bought]) found = std::max(found, sold_ - cost_[bought]);
    }
    return found;
  }

 private:
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

  // A trade of more than a market's A gains nothing.
  std::uint64_t most() const {
    std::uint64_t sum = 0;
    for (std::size_t i = buyer_count_; i < pairs_.size(); ++i) sum += pairs_[i].a;
    return std::min(sum, in_max_);
  }
  void spend(std::size_t pool, std::uint64_t in, std::uint64_t bought) {
    if (pool == buyer_count_) {
      cost_[bought] = std::min(cost_[bought], in);
      return;
    }
    std::uint64_t before = none;
    for (std::uint64_t more = 0; in + more <= most(); ++more) {
      const std::uint64_t out = pays(pairs_[pool], true, more);
      if (out == before) continue;  // the same for more
      before = out;
      spend(pool + 1, in + more, bought + out);
    }
  }
  void sell(std::size_t pool, std::uint64_t left, std::uint64_t got) {
    if (pool + 1 == pairs_.size()) {
      sold_ = std::max(sold_, got + pays(pairs_[pool], false, left));
      return;
    }
    for (std::uint64_t part = 0; part <= left; ++part) {
      sell(pool + 1, left - part, got + pays(pairs_[pool], false, part));
    }
  }

  const std::vector<Pair>& pairs_;
  std::size_t buyer_count_;
  std::uint64_t in_max_;
  std::vector<std::uint64_t> cost_;
  std::uint64_t sold_ = 0;
};

inline std::uint64_t best_profit(const std::vector<Pair>& pairs, std::size_t buyer_count,
                                 std::uint64_t in_max = std::numeric_limits<std::uint64_t>::max()) {
  return Exhaustive(pairs, buyer_count, in_max).best();
}

}  // namespace split_reference
