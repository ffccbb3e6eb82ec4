// Only the gate makes an Approved<Ranked>, and only that is planned. Each mistake below is one that
// the compiler has to refuse.
#include "host/plan/plan.hpp"

using namespace gantry::host;

// What is allowed: to ask the gate, to copy what it approved, and to plan it.
Result<Plan> planned(const RiskGate& gate, const Planner& planner, const MarketView& view,
                     const Ranked& ranked, const StrategySettings& strategy) {
  const auto verdict = gate.check(view, ranked, strategy, 0);
  const Approved<Ranked> approved = *verdict;
  return planner.plan(view, approved);
}

#if MUST_FAIL == 1
Approved<Ranked> by_value(const Ranked& ranked) { return Approved<Ranked>(ranked); }
#elif MUST_FAIL == 2
Approved<Ranked> by_conversion(const Ranked& ranked) { return ranked; }
#elif MUST_FAIL == 3
Approved<Ranked> by_default() { return Approved<Ranked>(); }
#elif MUST_FAIL == 4
Approved<Ranked> by_aggregate() { return {Ranked{}}; }
#elif MUST_FAIL == 5
struct Forged : Approved<Ranked> {
  explicit Forged(const Ranked& ranked) : Approved<Ranked>(ranked) {}
};
#elif MUST_FAIL == 6
void change(Approved<Ranked>& approved, const Ranked& other) { approved.value() = other; }
#elif MUST_FAIL == 7
void change(Approved<Ranked>& approved, const Ranked& other) { approved.value_ = other; }
#elif MUST_FAIL == 8
Result<Plan> unapproved(const Planner& planner, const MarketView& view, const Ranked& ranked) {
  return planner.plan(view, ranked);
}
#endif
