#include "evm/pending_scene.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::test {
namespace {

constexpr std::size_t coin = 0;  // WETH among the market's tokens
constexpr std::string_view v3_init_code_hash =
    "0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54";
constexpr std::string_view recipient = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";

std::string bytecode(std::string_view path) {
  const std::string code = text_of(read_artifact(path).at("bytecode"));
  return code.starts_with("0x") ? code : "0x" + code;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

Integer some_amount(std::mt19937_64& random) { return (Integer(random()) << (random() % 40)) + 1; }

Integer some_deadline(std::mt19937_64& random) { return Integer(4'000'000'000U) + random() % 1000; }

}  // namespace

PendingScene::PendingScene() {
  deploy_v3();
  deploy_routers();
}

void PendingScene::deploy_v3() {
  v3_factory_ = deployer_.deploy(
      bytecode("@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"));
  const std::size_t sides[][2] = {{0, 1}, {0, 2}, {1, 2}, {0, 4}};
  for (const auto& side : sides) {
    for (const unsigned fee : {500U, 3000U}) {
      const std::string& a = market_.tokens()[side[0]].address;
      const std::string& b = market_.tokens()[side[1]].address;
      deployer_.send(v3_factory_, selector("createPool(address,address,uint24)") +
                                      AbiArguments().address(a).address(b).word(fee).digits());
      const std::string got =
          deployer_.read(v3_factory_, selector("getPool(address,address,uint24)") +
                                          AbiArguments().address(a).address(b).word(fee).digits());
      const std::string pool = "0x" + got.substr(got.size() - 40);
      deployer_.send(pool, selector("initialize(uint160)") + word(Integer(1) << 96));
      const bool turned = lower(b) < lower(a);
      v3_pools_.push_back({pool, {side[turned ? 1 : 0], side[turned ? 0 : 1]}, fee});
    }
  }
}

void PendingScene::deploy_routers() {
  const std::string& weth = market_.tokens()[coin].address;
  for (std::size_t i = 0; i < 2; ++i) {
    v2_router_[i] = deployer_.deploy(
        bytecode("@uniswap/v2-periphery/build/UniswapV2Router02.json") +
        AbiArguments().address(market_.factory(i).address()).address(weth).digits());
  }
  v3_router_ = deployer_.deploy(
      bytecode("@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json") +
      AbiArguments().address(v3_factory_).address(weth).digits());
  router_02_ = deployer_.deploy(
      bytecode("@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/"
               "SwapRouter02.json") +
      AbiArguments()
          .address(market_.factory(0).address())
          .address(v3_factory_)
          .address(std::string(recipient))  // its position manager, which no swap needs
          .address(weth)
          .digits());
  // Without Permit2 and V4: what it swaps it holds.
  const std::string nobody = "0x" + std::string(40, '0');
  universal_router_ =
      deployer_.deploy(bytecode("@uniswap/universal-router/artifacts/contracts/UniversalRouter.sol/"
                                "UniversalRouter.json") +
                       AbiArguments()
                           .address(nobody)
                           .address(weth)
                           .address(market_.factory(0).address())
                           .address(v3_factory_)
                           .word(to_integer(market_.factory(0).init_code_hash()))
                           .word(to_integer(std::string(v3_init_code_hash)))
                           .address(nobody)
                           .address(nobody)
                           .address(nobody)
                           .address(nobody)
                           .digits());
  for (const PlaygroundToken& token : market_.tokens()) {
    const Integer held = to_integer(deployer_.read(
        token.address,
        selector("balanceOf(address)") + AbiArguments().address(deployer_.account()).digits()));
    deployer_.send(token.address,
                   selector("transfer(address,uint256)") +
                       AbiArguments().address(universal_router_).word(held / 2).digits());
    for (const std::string& router : {v2_router_[0], v2_router_[1], router_02_}) {
      deployer_.send(token.address,
                     selector("approve(address,uint256)") +
                         AbiArguments().address(router).word(Integer(1) << 255).digits());
    }
  }
}

// Two to four tokens with a pair between each two neighbours.
PendingScene::Path PendingScene::v2_path(std::mt19937_64& random, std::size_t factory,
                                         bool from_coin, bool to_coin) const {
  while (true) {
    std::vector<std::size_t> tokens = {from_coin ? coin : random() % market_.tokens().size()};
    Path path;
    const std::size_t hops = 1 + random() % 3;
    for (std::size_t i = 0; i < hops; ++i) {
      std::vector<const PlaygroundPair*> next;
      for (const PlaygroundPair& pair : market_.pairs()) {
        if (pair.factory != factory) continue;
        if (pair.token[0] == tokens.back() || pair.token[1] == tokens.back()) next.push_back(&pair);
      }
      if (next.empty()) break;
      const PlaygroundPair& pair = *next[random() % next.size()];
      const std::size_t in = tokens.back();
      tokens.push_back(pair.token[0] == in ? pair.token[1] : pair.token[0]);
      path.hops.push_back({lower(pair.address), lower(market_.tokens()[in].address),
                           lower(market_.tokens()[tokens.back()].address)});
    }
    if (tokens.size() < 2 || (to_coin && tokens.back() != coin)) continue;
    for (const std::size_t token : tokens) path.tokens.push_back(market_.tokens()[token].address);
    return path;
  }
}

PendingScene::Path PendingScene::v3_path(std::mt19937_64& random, std::size_t hops) const {
  while (true) {
    Path path;
    std::size_t at = random() % 3;
    path.tokens.push_back(market_.tokens()[at].address);
    for (std::size_t i = 0; i < hops; ++i) {
      std::vector<const V3Pool*> next;
      for (const V3Pool& pool : v3_pools_) {
        if (pool.token[0] == at || pool.token[1] == at) next.push_back(&pool);
      }
      const V3Pool& pool = *next[random() % next.size()];
      const std::size_t in = at;
      at = pool.token[0] == in ? pool.token[1] : pool.token[0];
      path.tokens.push_back(market_.tokens()[at].address);
      path.fees.push_back(pool.fee);
      path.hops.push_back({lower(pool.address), lower(market_.tokens()[in].address),
                           lower(market_.tokens()[at].address)});
    }
    return path;
  }
}

void PendingScene::v2_orders(std::mt19937_64& random, std::size_t factory,
                             std::vector<Order>& out) {
  struct Kind {
    const char* name;
    bool exact_in;
    bool pays_value;
    bool to_coin;
  };
  const Kind kinds[] = {
      {"swapExactTokensForTokens", true, false, false},
      {"swapTokensForExactTokens", false, false, false},
      {"swapExactETHForTokens", true, true, false},
      {"swapTokensForExactETH", false, false, true},
      {"swapExactTokensForETH", true, false, true},
      {"swapETHForExactTokens", false, true, false},
      {"swapExactTokensForTokensSupportingFeeOnTransferTokens", true, false, false},
      {"swapExactETHForTokensSupportingFeeOnTransferTokens", true, true, false},
      {"swapExactTokensForETHSupportingFeeOnTransferTokens", true, false, true},
  };
  for (const Kind& kind : kinds) {
    const Path path = v2_path(random, factory, kind.pays_value, kind.to_coin);
    Order order;
    order.what = kind.name;
    order.router = v2_router_[factory];
    OrderedSwap swap{kind.exact_in,         false,    some_amount(random), some_amount(random),
                     some_deadline(random), path.hops};
    if (kind.exact_in && random() % 2 == 0) swap.amount_out = 0;
    if (kind.pays_value) swap.amount_in = random() % 1'000'000'000'000'000U + 1;
    AbiArguments arguments;
    if (kind.pays_value) {
      order.value = swap.amount_in;
      arguments.word(swap.amount_out);
    } else if (kind.exact_in) {
      arguments.word(swap.amount_in).word(swap.amount_out);
    } else {
      arguments.word(swap.amount_out).word(swap.amount_in);
    }
    arguments.addresses(path.tokens).address(std::string(recipient)).word(swap.deadline_s);
    const char* signature = kind.pays_value ? "(uint256,address[],address,uint256)"
                                            : "(uint256,uint256,address[],address,uint256)";
    order.data = selector(std::string(kind.name) + signature) + arguments.digits();
    order.swaps.push_back(std::move(swap));
    out.push_back(std::move(order));
  }
}

void PendingScene::v2_orders_of_02(std::mt19937_64& random, std::vector<Order>& out) {
  for (const bool exact_in : {true, false}) {
    const Path path = v2_path(random, 0, false, false);
    OrderedSwap swap{exact_in, false, some_amount(random), some_amount(random), 0, path.hops};
    const std::string name = exact_in ? "swapExactTokensForTokens" : "swapTokensForExactTokens";
    AbiArguments arguments;
    arguments.word(exact_in ? swap.amount_in : swap.amount_out)
        .word(exact_in ? swap.amount_out : swap.amount_in)
        .addresses(path.tokens)
        .address(std::string(recipient));
    out.push_back({name + " of SwapRouter02",
                   router_02_,
                   selector(name + "(uint256,uint256,address[],address)") + arguments.digits(),
                   0,
                   {swap}});
  }
}

Order PendingScene::v3_order(std::mt19937_64& random, bool of_02, bool exact_in, bool single) {
  const Path path = v3_path(random, single ? 1 : 1 + random() % 4);
  OrderedSwap swap{exact_in, false, some_amount(random), some_amount(random), 0, path.hops};
  if (!of_02) swap.deadline_s = some_deadline(random);
  const Integer fixed = exact_in ? swap.amount_in : swap.amount_out;
  const Integer limit = exact_in ? swap.amount_out : swap.amount_in;
  AbiArguments fields;
  std::string types;
  Order order;
  order.what = exact_in ? "exactInput" : "exactOutput";
  if (single) {
    order.what += "Single";
    swap.may_stop = random() % 2 == 0;
    fields.address(path.tokens[0]).address(path.tokens[1]).word(path.fees[0]);
    types = "address,address,uint24,address,";
  } else {
    std::string packed;
    for (std::size_t i = 0; i < path.tokens.size(); ++i) {
      const std::size_t token = exact_in ? i : path.tokens.size() - 1 - i;
      packed += path.tokens[token].substr(2);
      if (i == path.fees.size()) break;
      packed += word(path.fees[exact_in ? i : path.fees.size() - 1 - i]).substr(58);
    }
    fields.bytes(packed);
    types = "bytes,address,";
  }
  fields.address(std::string(recipient));
  if (!of_02) fields.word(swap.deadline_s);
  if (!of_02) types += "uint256,";
  fields.word(fixed).word(limit);
  types += "uint256,uint256";
  if (single) fields.word(swap.may_stop ? Integer(1) << 100 : Integer(0));
  if (single) types += ",uint160";
  order.router = of_02 ? router_02_ : v3_router_;
  order.data = selector(order.what + "((" + types + "))") +
               (single ? fields.digits() : AbiArguments().tail(fields.digits()).digits());
  order.what += of_02 ? " of SwapRouter02" : " of SwapRouter";
  order.swaps.push_back(std::move(swap));
  return order;
}

void PendingScene::multicalls(std::mt19937_64& random, std::vector<Order>& out) {
  const auto pack = [&](const std::vector<Order>& orders, const std::string& first_type,
                        const Integer& first) {
    std::string heads;
    std::string tails;
    for (const Order& order : orders) {
      heads += word(32 * orders.size() + tails.size() / 2);
      std::string padded = order.data.substr(2);
      padded.resize((padded.size() + 63) / 64 * 64, '0');
      tails += word(order.data.size() / 2 - 1) + padded;
    }
    AbiArguments arguments;
    if (!first_type.empty()) arguments.word(first);
    arguments.tail(word(orders.size()) + heads + tails);
    return selector("multicall(" + first_type + (first_type.empty() ? "" : ",") + "bytes[])") +
           arguments.digits();
  };
  const auto add = [&](const std::string& what, const std::vector<Order>& orders,
                       const std::string& first_type, const Integer& first) {
    Order order{what, orders.front().router, pack(orders, first_type, first), 0, {}};
    for (const Order& each : orders) {
      for (OrderedSwap swap : each.swaps) {
        if (first_type == "uint256") swap.deadline_s = first;
        order.swaps.push_back(std::move(swap));
      }
    }
    out.push_back(std::move(order));
  };
  const Order refund{"refundETH", router_02_, selector("refundETH()"), 0, {}};
  add("multicall of SwapRouter",
      {v3_order(random, false, true, true), refund, v3_order(random, false, false, false)}, "", 0);
  std::vector<Order> v2;
  v2_orders_of_02(random, v2);
  add("multicall until a deadline",
      {v3_order(random, true, true, false), v2[0], v3_order(random, true, false, true), refund},
      "uint256", some_deadline(random));
  add("multicall after a block", {v2[1], v3_order(random, true, true, true)}, "bytes32",
      Integer(random()));
}

// Plans of one swap each, and one of several with plans within and what is no swap.
void PendingScene::universal_orders(std::mt19937_64& random, std::vector<Order>& out) {
  struct Plan {
    std::string commands;
    std::vector<std::string> inputs;  // digits
    std::vector<OrderedSwap> swaps;
    std::string arguments() const {
      std::string heads;
      std::string tails;
      for (const std::string& input : inputs) {
        heads += word(32 * inputs.size() + tails.size() / 2);
        std::string padded = input;
        padded.resize((padded.size() + 63) / 64 * 64, '0');
        tails += word(input.size() / 2) + padded;
      }
      return AbiArguments().bytes(commands).tail(word(inputs.size()) + heads + tails).digits();
    }
  };
  const auto add_swap = [&](Plan& plan, bool v3, bool exact_in, bool of_what_it_holds = false) {
    const Path path = v3 ? v3_path(random, 1 + random() % 4) : v2_path(random, 0, false, false);
    OrderedSwap swap{exact_in, false, some_amount(random), some_amount(random), 0, path.hops};
    if (exact_in && random() % 2 == 0) swap.amount_out = 0;
    if (of_what_it_holds) swap.amount_in = v3 ? Integer(1) << 255 : Integer(0);
    AbiArguments input;
    input.address(std::string(recipient))
        .word(exact_in ? swap.amount_in : swap.amount_out)
        .word(exact_in ? swap.amount_out : swap.amount_in);
    if (v3) {
      std::string packed;
      for (std::size_t i = 0; i < path.tokens.size(); ++i) {
        packed += path.tokens[exact_in ? i : path.tokens.size() - 1 - i].substr(2);
        if (i == path.fees.size()) break;
        packed += word(path.fees[exact_in ? i : path.fees.size() - 1 - i]).substr(58);
      }
      input.bytes(packed);
    } else {
      input.addresses(path.tokens);
    }
    input.word(0);  // it pays itself
    plan.commands += v3 ? (exact_in ? "00" : "01") : (exact_in ? "08" : "09");
    plan.inputs.push_back(input.digits());
    if (!of_what_it_holds) plan.swaps.push_back(std::move(swap));
  };
  const auto add_plan = [](Plan& plan, const Plan& inner) {
    plan.commands += "a1";  // and it may fail
    plan.inputs.push_back(inner.arguments());
    plan.swaps.insert(plan.swaps.end(), inner.swaps.begin(), inner.swaps.end());
  };
  const auto order = [&](const std::string& what, const Plan& plan) {
    const bool until = random() % 2 == 0;
    Order made{"Universal Router: " + what, universal_router_, {}, 0, plan.swaps};
    if (!until) {
      made.data = selector("execute(bytes,bytes[])") + plan.arguments();
    } else {
      const Integer deadline = some_deadline(random);
      // One word more before what is dynamic.
      std::string arguments = plan.arguments();
      const Integer second = to_integer("0x" + arguments.substr(64, 64));
      arguments = word(96) + word(second + 32) + word(deadline) + arguments.substr(128);
      made.data = selector("execute(bytes,bytes[],uint256)") + arguments;
      for (OrderedSwap& swap : made.swaps) swap.deadline_s = deadline;
    }
    out.push_back(std::move(made));
  };
  for (const bool v3 : {false, true}) {
    for (const bool exact_in : {true, false}) {
      Plan plan;
      add_swap(plan, v3, exact_in);
      order(std::string(v3 ? "V3" : "V2") + (exact_in ? " exact in" : " exact out"), plan);
    }
  }
  Plan innermost;
  add_swap(innermost, false, false);
  Plan inner;
  add_swap(inner, true, true);
  add_plan(inner, innermost);
  Plan plan;
  plan.commands = "0b";  // WRAP_ETH
  plan.inputs.push_back(AbiArguments().address(std::string(recipient)).word(0).digits());
  add_swap(plan, false, true);
  add_swap(plan, false, true, true);
  add_plan(plan, inner);
  add_swap(plan, true, true, true);
  plan.commands += "04";  // SWEEP
  plan.inputs.push_back(AbiArguments()
                            .address(market_.tokens()[1].address)
                            .address(std::string(recipient))
                            .word(0)
                            .digits());
  order("plans within a plan", plan);
}

std::vector<Order> PendingScene::orders(std::mt19937_64& random) {
  std::vector<Order> all;
  v2_orders(random, 0, all);
  v2_orders(random, 1, all);
  v2_orders_of_02(random, all);
  for (const bool of_02 : {false, true}) {
    for (const bool exact_in : {false, true}) {
      for (const bool single : {false, true}) {
        all.push_back(v3_order(random, of_02, exact_in, single));
      }
    }
  }
  multicalls(random, all);
  universal_orders(random, all);
  return all;
}

std::string PendingScene::send(const Order& order) {
  return text_of(
      chain_.call("eth_sendTransaction",
                  {boost::json::object{{"from", account()},
                                       {"to", order.router},
                                       {"data", order.data},
                                       {"value", "0x" + order.value.str(0, std::ios_base::hex)},
                                       {"gas", "0xc3500"},
                                       {"gasPrice", "0x12a05f200"}}}));
}

std::string PendingScene::gantry_toml(const std::string& plugins) const {
  return fmt::format(
      "[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = 1\n"
      "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n"
      "check_tokens = false\n"  // some of its pools hold nothing
      "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n"
      "[[chain.provider]]\nname = \"socket\"\nurl = \"ws{}\"\n"
      "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
      "[plugins]\nfolders = [{}]\n"
      "[live]\npoll_ms = 10\npending = true\n",
      market_.tokens()[coin].address, market_.tokens()[1].address, chain_.url(),
      chain_.url().substr(4), plugins);
}

std::string PendingScene::dex_toml() const {
  std::string toml;
  const char* names[] = {"uniswap_v2", "sushiswap"};
  for (std::size_t i = 0; i < 2; ++i) {
    toml += fmt::format(
        "[[dex]]\nname = \"{}\"\nplugin = \"uniswap_v2\"\nmin_liquidity_usd = 0\n"
        "discover = false\nfactory = \"{}\"\ninit_code_hash = \"{}\"\n"
        "pending_routers = \"{}{}\"\n",
        names[i], market_.factory(i).address(), market_.factory(i).init_code_hash(), v2_router_[i],
        i == 0 ? " " + router_02_ + " " + universal_router_ : "");
    for (const PlaygroundPair& pair : market_.pairs()) {
      if (pair.factory != i) continue;
      toml += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n",
                          pair.address, market_.tokens()[pair.token[0]].address,
                          market_.tokens()[pair.token[1]].address);
    }
  }
  toml += fmt::format(
      "[[dex]]\nname = \"uniswap_v3\"\nmin_liquidity_usd = 0\nfactory = \"{}\"\nrouter = \"{}\"\n"
      "pending_routers = \"{} {} {}\"\n",
      v3_factory_, v3_router_, v3_router_, router_02_, universal_router_);
  for (const V3Pool& pool : v3_pools_) {
    toml += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n", pool.address,
                        market_.tokens()[pool.token[0]].address,
                        market_.tokens()[pool.token[1]].address);
  }
  return toml;
}

}  // namespace gantry::test
