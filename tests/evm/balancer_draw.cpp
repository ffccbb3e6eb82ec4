#include "evm/balancer_draw.hpp"

namespace gantry::test {
namespace {

const Integer unit("1000000000000000000");

}  // namespace

std::vector<Integer> weights_of(std::size_t count, std::size_t kind, Draw& draw) {
  const Integer least = unit / 100;
  std::vector<Integer> weights(count, least);
  Integer left = unit - least * count;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    Integer share = 0;  // kind 3: one has all, and the others what a pool must give them
    if (kind == 0) share = unit / count - least;
    if (kind == 1) share = left * draw.below(1000) / 1000;
    if (kind == 2) share = unit / 5 / (count - 1) - least;  // 80 to 20, or to parts of 20
    weights[i] += share;
    left -= share;
  }
  weights[count - 1] += left;
  return weights;
}

Integer draw_amount(const BalancerScenery& scenery, const AmountOrder& order, Draw& draw) {
  const bool weighted = !scenery.weights.empty();
  const Integer& balance = scenery.balances[order.given_in ? order.in : order.out];
  Integer most = weighted ? Integer(balance * 3 / 10) : balance;
  if (order.given_in) most = most * unit / (unit - scenery.fee);
  Integer amount;
  switch (draw.below(40)) {
    case 0:
      amount = 1 + draw.below(3);
      break;
    case 1:
      amount = 1 + draw.below(1'000);
      break;
    case 2:
      amount = most + draw.below(3);  // the limit, and just beyond
      break;
    case 3:
      amount = weighted || !order.given_in ? Integer(most + draw.up_to(balance))
                                           : Integer(most * (11 + draw.below(100)));
      break;
    case 4:
    case 5:
      amount = most - draw.up_to(most / 10 + 1);
      break;
    case 6:
      amount = weighted || !order.given_in ? Integer(most - draw.up_to(most / 10 + 1))
                                           : Integer(balance + draw.up_to(balance * 9));
      break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
      amount = most / 1'000 * (10 + draw.below(900));
      break;
    default:
      amount = order.least > 1 ? Integer(most / (1 + draw.below(10'000)) + order.least)
                               : draw.up_to(weighted ? most : Integer(balance * 9 / 10 + 1));
  }
  return amount <= 0 ? Integer(1) : amount;
}

}  // namespace gantry::test
