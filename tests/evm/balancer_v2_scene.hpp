// Seeded pools of the V2 Vault, with the balancer plugin beside them: every kind of pool, at
// balances, times and amounts from one end of what the Vault takes to the other.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "evm/balancer_draw.hpp"
#include "evm/balancer_tally.hpp"
#include "evm/balancer_v2_contracts.hpp"
#include "plugins/balancer/answers.hpp"

namespace gantry::test {

gantry_swap swap_of(const BalancerQuery& query);
BalancerCase case_of(const BalancerQuery& query, const BalancerVerdict& verdict);
inline bool is_weighted(const std::string& deployment) {
  return deployment.find("weighted") != deployment.npos;
}

// A pool as the plugin holds it, with balances of our choosing.
class V2Scene {
 public:
  // With a recorder, what the plugin is told is written down.
  V2Scene(BalancerV2& chain, const BalancerPoolOrder& order, BalancerPool pool,
          BalancerRecorder* recorder = nullptr);

  const BalancerPool& pool() const { return pool_; }
  PluginVenue& venue() { return venue_; }
  BalancerScenery& scenery() { return scenery_; }
  void set_time(std::uint64_t time_s);
  gantry_status refresh() { return venue_.refresh(chain_.deployer()); }
  // As if the Vault had said so; quotes are for a block of that time.
  void set_balances(const std::vector<Integer>& balances, std::uint64_t time_s);

 private:
  BalancerV2& chain_;
  BalancerPool pool_;
  BalancerScenery scenery_;
  PluginVenue venue_;
  BalancerRecorder* recorder_;
  std::vector<EmittedRequest> requests_;
  std::vector<OwnedFact> facts_;
  std::uint64_t read_s_ = 0;  // when they were read
};

// What is ordered and what became of it.
struct V2Made {
  BalancerPoolOrder order;
  BalancerPool pool;
};

// The number decides on the fee and the kind of weights or the amplification, so that all come up.
V2Made make_weighted(BalancerV2& chain, const std::string& deployment, std::size_t number,
                     Draw& draw);
V2Made make_stable(BalancerV2& chain, const std::string& deployment, std::size_t number,
                   Draw& draw);

std::vector<Integer> stable_balances(const BalancerPool& pool, Draw& draw);
BalancerQuery draw_query(const BalancerPool& pool, Draw& draw);
// Ten thousand swaps of one deployment, by the pools' own onSwap.
void run_deployment(BalancerV2& chain, const std::string& deployment, Draw& draw,
                    BalancerTally& tally, BalancerRecorder* recorder = nullptr);

}  // namespace gantry::test
