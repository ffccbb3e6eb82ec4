// What the peers' searches and backtests are asked, with our answers and what those cost us: as
// `venue` and `ours_ns` of a JSON object each, beside the quotes (ours.cpp).
#pragma once
#include <time.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <limits>

namespace gantry::peers {

// Of this thread alone: what else runs on the machine has no part in it.
inline double processor_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// The processor's nanoseconds for one of `calls` calls that each round makes, in the quickest
// round.
template <class Round>
double time_ns(std::chrono::milliseconds time, std::size_t calls, Round&& round) {
  const auto first = std::chrono::steady_clock::now();
  double quickest = std::numeric_limits<double>::max();
  do {
    const double begin = processor_ns();
    round();
    quickest = std::min(quickest, processor_ns() - begin);
  } while (std::chrono::steady_clock::now() - first < time);
  return quickest / static_cast<double>(calls);
}

// The best inputs of cycles of two constant products.
boost::json::object two_hops(std::chrono::milliseconds time);

// The recorded market's cycles of up to four hops that begin with wrapped ether: all of them found,
// and those that pay after a pool has moved, each with its best input.
void cycles_of_a_market(std::chrono::milliseconds time, boost::json::array& out);

// The recorded market's swaps, through a whole backtest with a strategy that does nothing.
boost::json::object backtest(std::chrono::milliseconds time);

}  // namespace gantry::peers
