#include "host/sponsor/service_health.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <tuple>

#include "gantry/u256_convert.hpp"

namespace gantry::host {

namespace {

constexpr std::uint32_t history_bits = 32;
constexpr double cost_weight = 0.2;  // of the newest operation in the average
constexpr double cost_step = 1.1;    // costs within one step are the same

// Steps on a logarithmic scale, for an order that holds between any three.
std::int64_t cost_class(double cost) {
  return cost <= 0 ? 0 : std::llround(std::log(cost) / std::log(cost_step));
}

}  // namespace

void ServiceHealth::note(bool success) {
  history_ = history_ << 1U | (success ? 1U : 0U);
  known_ = std::min(known_ + 1, history_bits);
}

void ServiceHealth::succeeded(const u256& gas_cost) {
  note(true);
  consecutive_ = 0;
  const double cost = to_double(gas_cost);
  gas_cost_ = gas_cost_ == 0 ? cost : gas_cost_ + cost_weight * (cost - gas_cost_);
}

void ServiceHealth::failed(std::string why, Time now) {
  note(false);
  ++consecutive_;
  last_failure_ = std::move(why);
  tried_ = now;
}

bool ServiceHealth::take_probe(Time now) {
  if (!retired() || now - tried_ < service_probe_interval) return false;
  tried_ = now;
  return true;
}

std::uint32_t ServiceHealth::success_tenths() const {
  if (known_ == 0) return 10;
  const std::uint32_t mask = known_ == history_bits ? ~0U : (1U << known_) - 1U;
  return static_cast<std::uint32_t>(std::popcount(history_ & mask)) * 10 / known_;
}

std::vector<std::size_t> ranked(const std::vector<RankedService>& services) {
  std::vector<std::size_t> order(services.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) {
    const ServiceHealth& health = *services[i].health;
    return std::tuple(health.consecutive_failures() > 0, -static_cast<int>(health.success_tenths()),
                      cost_class(health.gas_cost()), services[i].priority);
  });
  return order;
}

}  // namespace gantry::host
