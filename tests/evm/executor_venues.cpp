#include "evm/executor_venues.hpp"

#include <utility>

#include "evm/node_output.hpp"
#include "evm/uniswap_v2_reference.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

const Integer one = Integer("1000000000000000000");
const Integer depth = 1000 * one;
// Where token 0 is dear, it is 1.1 of token 1; elsewhere they are the same.
const Integer dear_depth = 1100 * one;
const Integer square_root_of_price_one = Integer(1) << 96;
const Integer square_root_of_1_1("83095197869223157896060286990");  // of 1.1, in 96 bits

std::string digits_of(const ex::Bytes& bytes) { return to_hex(bytes).substr(2); }

template <class T>
T must(host::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

ex::Selector selector_of(Deployer& chain, const std::string& signature) {
  const auto bytes = to_bytes(chain.selector(signature));
  return {bytes[0], bytes[1], bytes[2], bytes[3]};
}

}  // namespace

ex::Step vault_swap(const ExecutorContract& executor, const VaultSwap& order) {
  const auto& [vault, pool, in, out, amount_in, whole_balance] = order;
  Deployer& chain = executor.chain();
  ex::Call swap =
      call_of(chain, vault, "swap((uint8,address,address,address,uint256,uint256,bytes))",
              word(32) + AbiArguments()
                             .word(0)
                             .address(pool)
                             .address(in)
                             .address(out)
                             .word(amount_in)
                             .word(0)
                             .bytes("")
                             .digits());
  constexpr std::uint32_t amount_word = 4 + 5 * 32;
  if (whole_balance) swap.patches = {{amount_word, ex::balance_of(to_address(in))}};
  // It returns what was not given, what goes in, and what comes out.
  ex::Call take = call_of(chain, vault, "sendTo(address,address,uint256)",
                          AbiArguments().address(out).address(executor.address()).word(0).digits());
  take.patches = {{4 + 2 * 32, ex::word_returned(2 * 32)}};
  const ex::Payment pay{to_address(in), to_address(vault),
                        whole_balance ? ex::balance_of(to_address(in)) : amount(amount_in)};
  const ex::Call settle = call_of(chain, vault, "settle(address,uint256)",
                                  AbiArguments().address(in).word(amount_in).digits());
  const std::vector<ex::Step> steps = {swap, take, pay, settle};
  ex::Callback callback;
  callback.selector = {'g', 'n', 't', '3'};
  callback.program = must(ex::encode_program(steps));
  callback.calldata_offset = 4;
  ex::Call unlock = call_of(
      chain, vault, "unlock(bytes)",
      AbiArguments().bytes(digits_of({'g', 'n', 't', '3'}) + digits_of(callback.program)).digits());
  callback.data_offset = 4 + 2 * 32 + 4;
  unlock.callback = std::move(callback);
  return unlock;
}

const char* name_of(VenueKind kind) {
  switch (kind) {
    case VenueKind::v2:
      return "uniswap_v2";
    case VenueKind::v3:
      return "uniswap_v3";
    case VenueKind::pancake_v3:
      return "pancake_v3";
    case VenueKind::curve:
      return "curve";
    case VenueKind::balancer_v2:
      return "balancer_v2";
    case VenueKind::balancer_v3:
      return "balancer_v3";
  }
  return "";
}

// Balancer's V3 Vault is first: it wants to know its address before it is there.
ExecutorVenues::ExecutorVenues()
    : anvil_({"--code-size-limit", "60000"}),
      balancer_v3_(anvil_),
      v3_(anvil_),
      balancer_v2_(anvil_) {
  make_pools();
  aave_.emplace(chain(), token(0), depth);
  executor_.emplace(chain());
  // Pools write more in a block's first swap, and pairs still more in their first of all: so that
  // gas is the same every time, each swap here is the first of a block, and none is a pair's first.
  anvil_.call("anvil_setBlockTimestampInterval", {12});
  for (const std::string& pair :
       {pool(VenueKind::v2, Leg::there), pool(VenueKind::v2, Leg::back), lending_pair_}) {
    tell(pair, "sync()", {});
  }
}

void ExecutorVenues::tell(const std::string& contract, const std::string& signature,
                          const AbiArguments& with) {
  chain().send(contract, chain().selector(signature) + with.digits());
}

std::string ExecutorVenues::make_v2(const Integer& amount0, const Integer& amount1) {
  const std::string pair = V2FactoryContract(chain()).create_pair(token(0), token(1));
  tell(token(0), "transfer(address,uint256)", AbiArguments().address(pair).word(amount0));
  tell(token(1), "transfer(address,uint256)", AbiArguments().address(pair).word(amount1));
  tell(pair, "mint(address)", AbiArguments().address(chain().account()));
  return pair;
}

void ExecutorVenues::make_pools() {
  const auto codes = json::parse(node_output("compile_all.mjs", "ExecutorMarket")).as_object();
  const std::vector<VenueToken> tokens = {{token(0)}, {token(1)}};
  const Integer unlimited = (Integer(1) << 256) - 1;
  for (const VenueToken& each : tokens) {
    tell(each.address, "approve(address,uint256)",
         AbiArguments().address(balancer_v2_.vault()).word(unlimited));
    tell(each.address, "transfer(address,uint256)",
         AbiArguments().address(balancer_v3_.market()).word(10 * depth));
  }
  for (const int leg : {0, 1}) {
    const Integer other = leg == 0 ? dear_depth : depth;
    const Integer price = leg == 0 ? square_root_of_1_1 : square_root_of_price_one;
    const auto keep = [&](VenueKind kind, const std::string& pool) { pools_[kind].of[leg] = pool; };
    keep(VenueKind::v2, make_v2(depth, other));
    keep(VenueKind::v3, v3_.create_pool(leg == 0 ? 3000 : 500, leg == 0 ? 60 : 10, price));
    keep(VenueKind::pancake_v3, v3_.create_pancake_pool(2500, 50, price));
    for (const VenueKind kind : {VenueKind::v3, VenueKind::pancake_v3}) {
      v3_.mint(pools_[kind].of[leg], -6000, 6000, 10 * depth);
    }
    const std::string curve =
        chain().deploy(text_of(codes.at("CurveLike")) + address_word(token(0)) +
                       address_word(token(1)) + word(leg == 0 ? 11 : 10) + word(leg));
    for (const VenueToken& each : tokens) {
      tell(each.address, "transfer(address,uint256)", AbiArguments().address(curve).word(depth));
    }
    keep(VenueKind::curve, curve);
    BalancerPoolOrder order2;
    order2.deployment = "20210418-weighted-pool";
    order2.tokens = tokens;
    order2.weights = {one / 2, one / 2};
    order2.fee = one / 1000;
    v2_pools_[leg] = balancer_v2_.create(order2);
    balancer_v2_.fund(v2_pools_[leg], {depth, other});
    keep(VenueKind::balancer_v2, v2_pools_[leg].address);
    V3PoolOrder order3;
    order3.tokens = tokens;
    order3.weights = order2.weights;
    order3.rates = {0, 0};
    order3.fee = one / 1000;
    v3_pools_[leg] = balancer_v3_.create(order3);
    balancer_v3_.fund(v3_pools_[leg], {depth, other});
    keep(VenueKind::balancer_v3, v3_pools_[leg].address);
  }
  lending_pair_ = make_v2(depth, depth);
  lending_pool_ = v3_.create_pool(100, 1, square_root_of_price_one);
  v3_.mint(lending_pool_, -6000, 6000, 10 * depth);
  solo_ = chain().deploy(text_of(codes.at("SoloLike")) + address_word(token(0)));
  tell(token(0), "transfer(address,uint256)", AbiArguments().address(solo_).word(depth));
}

Integer ExecutorVenues::quote(VenueKind kind, Leg leg, const Integer& amount_in) {
  const int at = static_cast<int>(leg);
  const bool there = leg == Leg::there;
  switch (kind) {
    case VenueKind::v2: {
      const std::string reserves = chain().read(pool(kind, leg), chain().selector("getReserves()"));
      return reference_amount_out(
          {word_at(reserves, there ? 0 : 1), word_at(reserves, there ? 1 : 0)}, amount_in);
    }
    case VenueKind::v3:
    case VenueKind::pancake_v3:
      return v3_.probe(pool(kind, leg), {{there, true, amount_in}}).at(0).amount_out;
    case VenueKind::curve:
      return amount_in * (there ? 11 : 10) / 10;
    case VenueKind::balancer_v2:
      return balancer_v2_
          .query({{&v2_pools_[at], true, there ? 0U : 1U, there ? 1U : 0U, amount_in}})
          .at(0)
          .amount;
    case VenueKind::balancer_v3:
      return balancer_v3_
          .query(v3_pools_[at], {{true, there ? 0U : 1U, there ? 1U : 0U, amount_in}})
          .at(0)
          .amount;
  }
  return 0;
}

std::vector<ex::Step> ExecutorVenues::swap_v2(Leg leg, const Integer& amount_in) {
  const Integer out = quote(VenueKind::v2, leg, amount_in);
  const std::string& pair = pool(VenueKind::v2, leg);
  const bool there = leg == Leg::there;
  ex::Payment pay{to_address(token(there ? 0 : 1)), to_address(pair), amount(amount_in)};
  ex::Call call = call_of(chain(), pair, "swap(uint256,uint256,address,bytes)",
                          AbiArguments()
                              .word(there ? Integer(0) : out)
                              .word(there ? out : Integer(0))
                              .address(executor_->address())
                              .bytes("")
                              .digits());
  return {pay, call};
}

// The word of its callback that says what is owed: the first for token 0.
ex::Bytes ExecutorVenues::pays_v3(VenueKind kind, Leg leg) {
  const bool there = leg == Leg::there;
  const std::vector<ex::Step> steps = {ex::Payment{to_address(token(there ? 0 : 1)),
                                                   to_address(pool(kind, leg)),
                                                   ex::word_called_with(there ? 4 : 36)}};
  return must(ex::encode_program(steps));
}

ex::Call ExecutorVenues::swap_v3(VenueKind kind, Leg leg, const Integer& amount_in,
                                 ex::Bytes program) {
  const bool there = leg == Leg::there;
  const Integer limit = there ? reference_sqrt_at(-reference_tick_max) + 1
                              : reference_sqrt_at(reference_tick_max) - 1;
  ex::Call call = call_of(chain(), pool(kind, leg), "swap(address,bool,int256,uint160,bytes)",
                          AbiArguments()
                              .address(executor_->address())
                              .word(there ? 1 : 0)
                              .word(amount_in)
                              .word(limit)
                              .bytes("")
                              .digits());
  const auto at = must(ex::append_program(call.data, program));
  ex::Callback callback;
  callback.selector =
      selector_of(chain(), kind == VenueKind::v3 ? "uniswapV3SwapCallback(int256,int256,bytes)"
                                                 : "pancakeV3SwapCallback(int256,int256,bytes)");
  callback.program = std::move(program);
  callback.data_offset = at;
  callback.calldata_offset = 4 + 3 * 32 + 32;
  call.callback = std::move(callback);
  return call;
}

void ExecutorVenues::compete(Leg leg, const Integer& amount_in) {
  chain().send_from(1);
  v3_.swap(pool(VenueKind::v3, leg),
           {.zero_for_one = leg == Leg::there, .exact_in = true, .amount = amount_in});
  chain().send_from(0);
}

std::vector<ex::Step> ExecutorVenues::swap(VenueKind kind, Leg leg, const Integer& amount_in,
                                           bool whole_balance) {
  const bool there = leg == Leg::there;
  const std::string& in = token(there ? 0 : 1);
  const auto wants_approval = [&](ex::Call call, const std::string& spender,
                                  std::uint32_t amount_offset) {
    const ex::Amount goes_in = whole_balance ? ex::balance_of(to_address(in)) : amount(amount_in);
    call.approval = ex::Approval{to_address(in), std::nullopt, goes_in};
    if (spender != to_hex(std::span(call.target.bytes, 20))) {
      call.approval->spender = to_address(spender);
    }
    if (whole_balance) call.patches = {{amount_offset, goes_in}};
    return std::vector<ex::Step>{call};
  };
  switch (kind) {
    case VenueKind::v2:
      return swap_v2(leg, amount_in);
    case VenueKind::v3:
    case VenueKind::pancake_v3: {
      ex::Call call = swap_v3(kind, leg, amount_in, pays_v3(kind, leg));
      if (whole_balance) call.patches = {{4 + 2 * 32, ex::balance_of(to_address(in))}};
      return {call};
    }
    case VenueKind::curve:
      return wants_approval(
          call_of(chain(), pool(kind, leg), "exchange(int128,int128,uint256,uint256)",
                  word(there ? 0 : 1) + word(there ? 1 : 0) + word(amount_in) + word(0)),
          pool(kind, leg), 4 + 2 * 32);
    case VenueKind::balancer_v2: {
      const std::string signature =
          "swap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool),uint256,"
          "uint256)";
      const std::string self = address_word(executor_->address());
      const std::string data =
          word(7 * 32) + self + word(0) + self + word(0) + word(0) + word((Integer(1) << 256) - 1) +
          v2_pools_[static_cast<int>(leg)].id.substr(2) + word(0) + address_word(in) +
          address_word(token(there ? 1 : 0)) + word(amount_in) + word(6 * 32) + word(0);
      return wants_approval(call_of(chain(), balancer_v2_.vault(), signature, data),
                            balancer_v2_.vault(), 4 + 11 * 32);
    }
    case VenueKind::balancer_v3:
      return {vault_swap(*executor_, {balancer_v3_.vault(), pool(kind, leg), in,
                                      token(there ? 1 : 0), amount_in, whole_balance})};
  }
  return {};
}

std::vector<ex::Step> ExecutorVenues::flash_swap(VenueKind kind, const Integer& amount_in,
                                                 std::vector<ex::Step> meanwhile) {
  const ex::Payment pay{to_address(token(0)), to_address(pool(kind, Leg::there)),
                        amount(amount_in)};
  meanwhile.emplace_back(pay);
  ex::Bytes program = must(ex::encode_program(meanwhile));
  if (kind != VenueKind::v2) {
    return {swap_v3(kind, Leg::there, amount_in, std::move(program))};
  }
  ex::Call call = std::get<ex::Call>(swap_v2(Leg::there, amount_in).at(1));
  const auto at = must(ex::append_program(call.data, program));
  ex::Callback callback;
  callback.selector = selector_of(chain(), "uniswapV2Call(address,uint256,uint256,bytes)");
  callback.program = std::move(program);
  callback.data_offset = at;
  callback.calldata_offset = 4 + 4 * 32 + 32;
  call.callback = std::move(callback);
  return {call};
}

ex::FlashLoan ExecutorVenues::loan(ex::FlashSource source, const Integer& amount, Integer& fee) {
  using ex::FlashSource;
  ex::FlashLoan loan;
  loan.source = source;
  loan.executor = to_address(executor_->address());
  loan.token = to_address(token(0));
  loan.amount = to_u256(amount);
  fee = 0;
  switch (source) {
    case FlashSource::aave_v3:
      loan.lender = to_address(aave_->pool());
      fee = AaveV3::premium(amount);
      break;
    case FlashSource::balancer_v2:
      loan.lender = to_address(balancer_v2_.vault());
      break;
    case FlashSource::balancer_v3:
      loan.lender = to_address(balancer_v3_.vault());
      break;
    case FlashSource::uniswap_v2:
      loan.lender = to_address(lending_pair_);
      fee = (amount * 3 + 996) / 997;
      break;
    case FlashSource::uniswap_v3:
      loan.lender = to_address(lending_pool_);
      fee = (amount * 100 + 999'999) / 1'000'000;
      break;
    case FlashSource::dydx_solo:
      loan.lender = to_address(solo_);
      fee = 2;
      break;
  }
  loan.fee = to_u256(fee);
  return loan;
}

std::vector<std::string> ExecutorVenues::spenders() const {
  return {balancer_v2_.vault(), aave_->pool(), solo_, pool(VenueKind::curve, Leg::there),
          pool(VenueKind::curve, Leg::back)};
}

}  // namespace gantry::test
