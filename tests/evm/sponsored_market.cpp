#include "evm/sponsored_market.hpp"

#include <utility>

#include "evm/plugin_venue.hpp"
#include "evm/uniswap_v2_reference.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/plan/flash_loan.hpp"

namespace gantry::test {
namespace {

const Integer one = Integer("1000000000000000000");
const Integer depth = 1000 * one;

}  // namespace

SponsoredMarket::SponsoredMarket(Deployer& chain, const std::string& owner) : chain_(chain) {
  const auto erc20 = read_artifact("@uniswap/v2-core/build/ERC20.json");
  for (std::string& token : token_) {
    token = chain.deploy("0x" + text_of(erc20.at("bytecode")) + word(100 * depth));
  }
  if (to_integer(token_[1]) < to_integer(token_[0])) std::swap(token_[0], token_[1]);
  pair_[0] = make_pair(depth, 11 * depth / 10);
  pair_[1] = make_pair(depth, depth);
  lender_ = make_pair(depth, depth);
  executor_.emplace(chain, owner);
  // A pair that has been at it for a while: its first sums of prices cost more than all others.
  for (const std::string& pair : {pair_[0], pair_[1], lender_}) {
    chain.send(pair, chain.selector("sync()"));
  }
}

std::string SponsoredMarket::make_pair(const Integer& amount0, const Integer& amount1) {
  const std::string pair = V2FactoryContract(chain_).create_pair(token_[0], token_[1]);
  const std::string transfer = chain_.selector("transfer(address,uint256)") + address_word(pair);
  chain_.send(token_[0], transfer + word(amount0));
  chain_.send(token_[1], transfer + word(amount1));
  chain_.send(pair, chain_.selector("mint(address)") + address_word(chain_.account()));
  return pair;
}

Integer SponsoredMarket::quote(int pair, bool sells_0, const Integer& amount_in) const {
  const std::string reserves = chain_.read(pair_[pair], chain_.selector("getReserves()"));
  return reference_amount_out(
      {word_at(reserves, sells_0 ? 0 : 1), word_at(reserves, sells_0 ? 1 : 0)}, amount_in);
}

std::vector<ex::Step> SponsoredMarket::swap(int pair, bool sells_0, const Integer& amount_in,
                                            const Integer& out) const {
  const ex::Payment pay{to_address(token_[sells_0 ? 0 : 1]), to_address(pair_[pair]),
                        amount(amount_in)};
  const ex::Call call = call_of(chain_, pair_[pair], "swap(uint256,uint256,address,bytes)",
                                AbiArguments()
                                    .word(sells_0 ? Integer(0) : out)
                                    .word(sells_0 ? out : Integer(0))
                                    .address(executor_->address())
                                    .bytes("")
                                    .digits());
  return {pay, call};
}

PlannedTrade SponsoredMarket::plan(const Integer& amount_in) {
  const Integer there = quote(0, true, amount_in);
  const Integer back = quote(1, false, there);
  const Integer fee = (amount_in * 3 + 996) / 997;
  ex::FlashLoan loan;
  loan.source = ex::FlashSource::uniswap_v2;
  loan.executor = to_address(executor_->address());
  loan.lender = to_address(lender_);
  loan.token = to_address(token_[0]);
  loan.amount = to_u256(amount_in);
  loan.fee = to_u256(fee);
  auto steps = swap(0, true, amount_in, there);
  for (ex::Step& step : swap(1, false, there, back)) steps.push_back(std::move(step));
  const auto whole = ex::with_flash_loan(loan, std::move(steps));
  if (!whole) throw std::runtime_error(whole.error().message);
  PlannedTrade out;
  out.amount_in = amount_in;
  out.profit = back - amount_in - fee;
  out.run = to_bytes(executor_->run_data({*whole}, {at_least(token_[0], out.profit)}));
  if (profit_goes_) take_profit();
  return out;
}

void SponsoredMarket::take_profit() {
  chain_.send(token_[0],
              chain_.selector("transfer(address,uint256)") + address_word(pair_[0]) + word(depth));
  chain_.send(pair_[0], chain_.selector("sync()"));
  profit_goes_ = false;
}

Integer SponsoredMarket::balance(const std::string& holder) const {
  return executor_->balance(token_[0], holder);
}

}  // namespace gantry::test
