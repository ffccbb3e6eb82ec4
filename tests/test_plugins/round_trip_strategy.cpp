// Emits the round trips from token 0 that its parameters name, the same in each snapshot. Counts
// results by kind, and says which limits size() was shown, so that a test can compare them.
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "gantry/strategy.hpp"
#include "gantry/u256.hpp"
#include "round_trip.hpp"

namespace {

using namespace gantry;

class RoundTripStrategy final : public TradingStrategy {
 public:
  RoundTripStrategy(Host host, const Config& config) : host_(host) {
    std::istringstream trips{std::string(config.string("trips"))};
    for (std::string text; std::getline(trips, text, ';');) {
      std::istringstream numbers(text);
      Trip trip{};
      numbers >> trip.out >> trip.back >> trip.thousandths;
      trips_.push_back(trip);
    }
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    for (std::size_t i = 0; i < trips_.size(); ++i) {
      const Trip& trip = trips_[i];
      u256 in;
      if (!mul(u256(trip.thousandths), u256(1'000'000'000'000'000), in)) continue;
      gantry_opportunity found;
      if (!test::round_trip(market, trip.out, trip.back, in, found)) continue;
      found.key = i + 1;
      emitted_[{found.key, found.block}] = found;
      sink.emit(found);
    }
    return GANTRY_OK;
  }

  gantry_status size(const Market&, const gantry_opportunity& o, const gantry_sizing_limits& limits,
                     gantry_opportunity&) override {
    const std::string of = "limits of " + std::to_string(o.key) + " ";
    host_.count(of + "amount_in_max", u256(limits.amount_in_max).limb(0));
    host_.count(of + "pool_share_max_bps", limits.pool_share_max_bps);
    host_.count(of + "gas_cost_wei", u256(limits.gas_cost_wei).limb(0));
    host_.count(of + "gas_overhead", limits.gas_overhead);
    return GANTRY_REFUSED;
  }

  gantry_status on_result(const gantry_result& result) override {
    const auto found = emitted_.find({result.key, result.block});
    const bool own = found != emitted_.end() &&
                     u256(found->second.amount_in) == u256(result.amount_in) &&
                     u256(found->second.amount_out) == u256(result.amount_out);
    const char* kind = result.kind == GANTRY_RESULT_PLANNED   ? "planned "
                       : result.kind == GANTRY_RESULT_REFUSED ? "refused "
                                                              : "other ";
    host_.count(own ? kind + std::to_string(result.key) + " for " + std::to_string(result.reason)
                    : "not its own",
                1);
    return GANTRY_OK;
  }

 private:
  struct Trip {
    std::uint32_t out;
    std::uint32_t back;
    std::uint64_t thousandths;
  };
  Host host_;
  std::vector<Trip> trips_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, gantry_opportunity> emitted_;
};

}  // namespace

GANTRY_PLUGIN(RoundTripStrategy);
