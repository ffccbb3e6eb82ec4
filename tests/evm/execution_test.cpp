// Trades through the stage that executes them, a lender and a pair of venues at a time, on the
// protocols' own bytecode: what the ledger says that each brought and cost is what the account has
// more of one and less of the other.
#include "host/execute/execution.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "evm/executor_venues.hpp"
#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "host/base/text.hpp"
#include "host/market/market_view.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/random.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/sign/transaction.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::Execution;
using host::Fill;
using host::FillReason;
using host::LenderKind;
using host::LenderSettings;
using host::TradeOrder;
using namespace std::chrono_literals;

// Little beside the pools' depth: each of them takes part in some eighty trades.
const Integer put_in = Integer("50000000000000000");
// Of anvil's first account; everybody's.
constexpr std::string_view owner_key =
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

constexpr std::array lender_kinds{LenderKind::aave_v3,     LenderKind::balancer_v2,
                                  LenderKind::balancer_v3, LenderKind::uniswap_v2,
                                  LenderKind::uniswap_v3,  LenderKind::dydx_solo};

Integer integer_of(const u256& value) { return Integer(gantry::to_string(value)); }
Integer integer_of(const host::ledger::SignedAmount& value) {
  return Integer(host::ledger::to_string(value));
}

// What the account has, and what lies in the executor.
struct Balances {
  Integer gained;      // of token 0, the account's
  Integer other;       // of token 1
  Integer coins;       // wei
  Integer held[2];     // by token, the executor's
  Integer held_coins;  // wei
  friend bool operator==(const Balances&, const Balances&) = default;
};

// The account's own key, and a moment that a test can use: the trade is signed, and has not left.
class SignerWithMoment final : public host::sign::Signer {
 public:
  std::function<void()> signed_one = [] {};

  const host::sign::EvmAddress& address() const override { return key_->address(); }
  bool is_local() const override { return key_->is_local(); }
  host::Result<host::sign::SignedTransaction> sign(const host::sign::Transaction& transaction,
                                                   std::span<std::uint8_t> buffer) override {
    auto made = key_->sign(transaction, buffer);
    signed_one();
    return made;
  }
  host::Result<host::sign::Signature> sign_message(std::span<const std::uint8_t> message) override {
    return key_->sign_message(message);
  }
  host::Result<host::sign::Signature> sign_user_operation(
      const host::sign::UserOperation& operation,
      const host::sign::EntryPoint& entry_point) override {
    return key_->sign_user_operation(operation, entry_point);
  }

 private:
  std::unique_ptr<host::sign::Signer> key_ = [] {
    const auto key = host::bytes_of_hex(owner_key).value();
    return host::sign::make_local_signer({key.begin(), key.end()},
                                         host::sign::Curve::make(host::system_random()).value())
        .value();
  }();
};

class ExecutionScene {
 public:
  explicit ExecutionScene(const host::RiskSettings& risk = {})
      : ledger_(std::move(*host::ledger::Ledger::open(folder_ / "ledger.sqlite"))),
        book_(risk, "eip155:31337", true) {
    chain_.id = "eip155:31337";
    chain_.wrapped_native = to_address(venues.token(0));
    host::RpcProviderSettings provider;
    provider.name = "anvil";
    provider.url = *host::TemplatedUrl::parse(venues.chain().chain().url());
    chain_.providers.push_back(std::move(provider));
    chain_.execution.emplace().executor = to_address(venues.executor().address());
    wallet_.sender = to_address(venues.executor().owner());
    environment_ = host::process_environment();
    providers_ = std::move(*host::Providers::make(chain_, {*http_, clock_, environment_}));
  }
  ~ExecutionScene() {
    execution_.reset();
    providers_->stop();
  }

  // From now on these lend, and nobody else.
  void lend(std::vector<LenderSettings> lenders) {
    execution_.reset();
    chain_.lenders = std::move(lenders);
    REQUIRE(providers_->poll_head(5s));
    auto made = Execution::start(
        chain_, wallet_,
        {*providers_, *ledger_, signer, book_,
         [this](const host::Outgoing& outgoing, const host::MayLeave& may_leave) {
           if (instead_of_sending) {
             if (auto said = instead_of_sending()) return *said;
           }
           auto report = host::submit_transaction(*providers_, outgoing.bytes, 5s, may_leave);
           if (denies_) report = {host::SubmitVerdict::refused, {}, "not today"};
           return report;
         },
         [this](const host::Mismatch& found) { mismatches_.push_back(found.reason); }});
    if (!made) FAIL(made.error().message);
    execution_ = std::move(*made);
    // What was done before is told at each start, for nobody tells this book of it.
    (void)execution_->take_fills();
    see_market();
  }
  LenderSettings lender(LenderKind kind) {
    LenderSettings settings;
    settings.source = kind;
    settings.enabled = true;
    Integer fee;
    settings.address = venues.loan(source_of(kind), put_in, fee).lender;
    return settings;
  }
  static ex::FlashSource source_of(LenderKind kind) {
    return static_cast<ex::FlashSource>(static_cast<int>(kind) - 1);
  }

  // Token 0 through the first venue and back through the second, by what they say now.
  TradeOrder order(VenueKind first, VenueKind second) {
    const auto head = providers_->poll_head(5s);
    if (!head) throw std::runtime_error("no block: " + head.error().message);
    const Integer between = venues.quote(first, Leg::there, put_in);
    const Integer out = venues.quote(second, Leg::back, between);
    host::TradeRoute route;
    route.steps = venues.swap(first, Leg::there, put_in);
    for (ex::Step& step : venues.swap(second, Leg::back, between)) {
      route.steps.push_back(std::move(step));
    }
    route.tokens = {to_address(venues.token(0)), to_address(venues.token(1))};
    route.pools = {to_address(venues.pool(first, Leg::there)),
                   to_address(venues.pool(second, Leg::back))};
    for (const ex::Step& step : route.steps) {
      if (const auto* call = std::get_if<ex::Call>(&step)) route.targets.push_back(call->target);
    }
    route.min_out = to_u256(out - out / 200);
    TradeOrder order;
    order.group = ++groups_;
    order.strategy = "test";
    order.legs = {
        {name_of(first), venues.pool(first, Leg::there), venues.token(0), venues.token(1)},
        {name_of(second), venues.pool(second, Leg::back), venues.token(1), venues.token(0)}};
    order.least_out = route.min_out;
    order.route = std::make_shared<const host::TradeRoute>(std::move(route));
    order.amount_in = to_u256(put_in);
    order.amount_out = to_u256(out);
    // Token 0 is the wrapped coin.
    order.value_token = order.value_wei = to_u256(out - put_in);
    order.gas = 500'000;
    order.block = order.opportunity_block = head->number;
    order.execution_block = head->number + 1;
    const json::value block =
        venues.chain().chain().call("eth_getBlockByNumber", {"latest", false});
    order.execution_time_s =
        to_integer(text_of(block.at("timestamp"))).convert_to<std::uint64_t>() + 12;
    order.base_fee = to_u256(to_integer(text_of(block.at("baseFeePerGas"))));
    order.arrived = std::chrono::steady_clock::now();
    return order;
  }
  // The executor holds so much of token 0 from now on.
  void hold(const Integer& amount) {
    venues.chain().send(venues.token(0), venues.chain().selector("transfer(address,uint256)") +
                                             address_word(venues.executor().address()) +
                                             word(amount));
  }
  // Called when a trade is on its way, before the block that it is for is made.
  std::function<void()> before_block;
  // Called when bytes are to be sent; they are not where it says what became of them.
  std::function<std::optional<host::SubmitReport>()> instead_of_sending;
  // From now on who sends bytes says that he does not.
  void deny(bool denies) { denies_ = denies; }
  // A block, and a look at it; the fills that came of it.
  std::vector<Fill> look_at_block() {
    venues.chain().chain().call("evm_mine");
    return look();
  }
  std::vector<Fill> look() {
    if (!providers_->poll_head(5s)) throw std::runtime_error("the chain says no block");
    std::this_thread::sleep_for(200ms);
    return execution_->take_fills();
  }
  // Handed over, and what became of it.
  Fill carry_out(TradeOrder order) {
    execution_->offer(std::move(order));
    bool in_block = false;
    for (int i = 0; i < 2000; ++i) {
      if (!in_block && is_submitted()) {
        if (before_block) before_block();
        venues.chain().chain().call("evm_mine");
        in_block = true;
      }
      if (!providers_->poll_head(5s)) throw std::runtime_error("the chain says no block");
      const std::vector<Fill> fills = execution_->take_fills();
      if (fills.size() > 1) throw std::runtime_error("more than one fill of one order");
      if (fills.size() == 1) return fills.front();
      std::this_thread::sleep_for(10ms);
    }
    throw std::runtime_error("an order has no fill");
  }

  Balances balances() const {
    const ExecutorContract& executor = venues.executor();
    Balances out;
    out.gained = executor.balance(venues.token(0), executor.owner());
    out.other = executor.balance(venues.token(1), executor.owner());
    out.coins = executor.coins(executor.owner());
    for (const int i : {0, 1}) {
      out.held[i] = executor.balance(venues.token(i), executor.address());
    }
    out.held_coins = executor.coins(executor.address());
    return out;
  }
  host::ledger::Trade newest_trade() const { return ledger_->last_trades(1).value().at(0); }
  json::object receipt_of(const host::ledger::Trade& trade) const {
    const auto attempts = ledger_->attempts(trade.intent.id).value();
    REQUIRE(attempts.size() == 1);
    return venues.chain()
        .chain()
        .call("eth_getTransactionReceipt",
              {json::string(host::hex_text(attempts.front().attempt.hash))})
        .as_object();
  }
  json::value receipt_at(const host::Hash32& hash) const {
    return venues.chain().chain().call("eth_getTransactionReceipt",
                                       {json::string(host::hex_text(hash))});
  }
  bool is_submitted() const {
    const auto open = ledger_->open_intents().value();
    return !open.empty() && open.back().state == host::ledger::State::submitted;
  }
  const std::vector<std::string>& mismatches() const { return mismatches_; }

  host::RiskBook& book() { return book_; }
  host::ledger::Ledger& ledger() { return *ledger_; }
  void hand_over(TradeOrder order) { execution_->offer(std::move(order)); }
  std::vector<Fill> fills() { return execution_->take_fills(); }
  // One more block, and time for what follows the chain to look at it.
  void mine() {
    venues.chain().chain().call("evm_mine");
    REQUIRE(providers_->poll_head(5s));
    std::this_thread::sleep_for(100ms);
  }
  // Transactions that the account has sent, whether in a block or not.
  Integer sent() const {
    return to_integer(text_of(venues.chain().chain().call(
        "eth_getTransactionCount", {json::string(venues.executor().owner()), "pending"})));
  }

  mutable ExecutorVenues venues;
  SignerWithMoment signer;

 private:
  TemporaryFolder folder_;
  host::SteadyClock clock_;  // which the pool's requests ask until they end
  std::unique_ptr<host::HttpPool> http_ = host::make_curl_http_pool().value();
  host::Environment environment_;
  std::unique_ptr<host::Providers> providers_;
  std::unique_ptr<host::ledger::Ledger> ledger_;
  host::RiskBook book_;
  host::ChainSettings chain_;
  host::WalletSettings wallet_;
  std::vector<std::string> mismatches_;
  std::uint64_t groups_ = 0;
  std::atomic<bool> denies_{false};
  // As a street's first snapshot does: it has no price of anything.
  void see_market() {
    host::Snapshot snapshot(std::make_shared<host::LiveVersions>(), 1);
    snapshot.topology = std::make_shared<host::Topology>();
    host::MarketView view;
    view.bind(snapshot, {}, true);
    execution_->note_prices(view);
  }

  std::unique_ptr<Execution> execution_;
};

// What the executor's own log of that transaction says that was gained of the token.
Integer settled(ExecutionScene& scene, const json::object& receipt) {
  const std::string topic = scene.venues.chain().topic("Settled(address,int256)");
  Integer out = 0;
  int found = 0;
  for (const json::value& log : receipt.at("logs").as_array()) {
    if (text_of(log.at("address")) != scene.venues.executor().address()) continue;
    if (text_of(log.at("topics").at(0)) != topic) continue;
    if (to_integer(text_of(log.at("topics").at(1))) != to_integer(scene.venues.token(0))) continue;
    out = word_at(text_of(log.at("data")), 0);
    ++found;
  }
  CHECK(found == 1);
  return out;
}

// Carries it out, and compares every figure with the chain's. `fee` is the lender's.
void check_trade(ExecutionScene& scene, VenueKind first, VenueKind second, const Integer& fee) {
  const TradeOrder order = scene.order(first, second);
  const Integer gain = integer_of(order.amount_out) - put_in - fee;
  REQUIRE(gain > 0);
  const Balances before = scene.balances();
  const Fill fill = scene.carry_out(order);
  INFO("fill: " << to_string(fill.reason));
  const host::ledger::Trade trade = scene.newest_trade();
  INFO("trade: " << to_string(trade.intent.state) << " " << trade.intent.reason);
  REQUIRE(fill.filled());
  REQUIRE(trade.result);
  REQUIRE(trade.result->realised);
  const auto& realised = *trade.result->realised;
  const json::object receipt = scene.receipt_of(trade);
  const Integer gas = to_integer(text_of(receipt.at("gasUsed"))) *
                      to_integer(text_of(receipt.at("effectiveGasPrice")));

  const Balances after = scene.balances();
  CHECK(after.gained - before.gained == gain);
  CHECK(integer_of(realised.profit) == gain);
  CHECK(settled(scene, receipt) == gain);
  CHECK(integer_of(realised.balance_before) == before.gained);
  CHECK(integer_of(realised.balance_after) == after.gained);
  CHECK(before.coins - after.coins == gas);
  CHECK(integer_of(realised.cost_wei) == gas);
  CHECK(integer_of(*trade.result->profit_wei) == gain - gas);
  CHECK(fill.group == order.group);
  CHECK(fill.gained);
  CHECK(integer_of(fill.amount_wei) == gain - gas);
  CHECK(integer_of(fill.gas_wei) == gas);
  CHECK(fill.amount_out == order.amount_out);

  CHECK(after.other == before.other);
  for (const int i : {0, 1}) {
    CHECK(after.held[i] == before.held[i]);
    for (const std::string& spender : scene.venues.spenders()) {
      CHECK(scene.venues.executor().allowance(scene.venues.token(i), spender) == 0);
    }
  }
  CHECK(after.held_coins == before.held_coins);
  CHECK(scene.venues.executor().is_at_rest());
}

// Of what a block takes after its deadline nothing is left, and up to it all.
void check_deadline(ExecutionScene& scene) {
  constexpr std::uint64_t slack_s = 60;  // after the time of the block that a trade is for
  for (const std::uint64_t late_s : {0U, 1U}) {
    const TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
    const std::uint64_t time_s = order.execution_time_s + slack_s + late_s;
    scene.before_block = [&] {
      scene.venues.chain().chain().call("evm_setNextBlockTimestamp", {time_s});
    };
    const Balances before = scene.balances();
    const Fill fill = scene.carry_out(order);
    scene.before_block = nullptr;
    CAPTURE(late_s, to_string(fill.reason));
    const auto trade = scene.newest_trade();
    REQUIRE(trade.result);
    CHECK(static_cast<std::uint64_t>(trade.result->receipt.block_time_s) == time_s);
    CHECK(fill.reason == (late_s == 0 ? FillReason::none : FillReason::reverted));
    CHECK((scene.balances().gained > before.gained) == (late_s == 0));
    // Nobody knew a price here, when it was planned or since: its gas may be worth any dollars.
    CHECK(fill.amount_usd_e6 == (late_s == 0 ? 0 : Fill::no_price));
    CHECK_FALSE(trade.result->realised->price.has_value());
    if (late_s == 0) continue;
    // So nothing more leaves until somebody looks at it.
    CHECK(scene.carry_out(scene.order(VenueKind::v2, VenueKind::v3)).reason == FillReason::halted);
    scene.book().closed(closed_of(fill));
    CHECK(scene.book().mode() == host::TradingMode::halted);
    REQUIRE(scene.book().apply({host::RiskFact::Kind::resume}));
  }
}

// A gain that does not pay for gas and data does not leave; where it fell below that after it left,
// the chain undoes it.
void check_costs(ExecutionScene& scene) {
  const Integer worth = 3;  // wei, of a unit of what the trade is settled in
  const auto gain_of = [](const TradeOrder& order) {
    return integer_of(order.amount_out) - put_in;
  };
  // It costs `less` units less than it gains, most of that for its data.
  const auto order_for = [&](const Integer& less) {
    TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
    const Integer gain = gain_of(order);
    order.value_token = to_u256(gain);
    order.value_wei = to_u256(gain * worth);
    order.ether_usd_e6 = 2'000'000'000;
    order.least_out = to_u256(put_in);  // its slippage alone would let all of the gain go
    const Integer base = integer_of(order.base_fee);
    const Integer gas_price = base + (base + 7) / 8 + Integer(1'000'000'000);
    const Integer data_fee = (gain - less) * worth - gas_price * order.gas;
    REQUIRE(data_fee > 0);
    order.data_fee = to_u256(data_fee);
    return order;
  };
  // As much as it costs is no profit.
  const Integer sent = scene.sent();
  CHECK(scene.carry_out(order_for(0)).reason == FillReason::no_profit);
  CHECK(scene.sent() == sent);
  {
    const TradeOrder order = order_for(1);
    CHECK(scene.carry_out(order).filled());
    CHECK(integer_of(scene.newest_trade().intent.intent.min_profit) == gain_of(order) - 1);
  }

  const TradeOrder order = order_for(1);
  const Balances before = scene.balances();
  const Integer left = scene.sent();
  scene.hand_over(order);
  for (int i = 0; i < 500 && !scene.is_submitted(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(scene.is_submitted());
  const auto attempts = scene.ledger().attempts(scene.newest_trade().intent.id).value();
  // Lost on its way, so that another one is quicker, and sent again behind that one's block.
  scene.venues.chain().chain().call("anvil_dropTransaction",
                                    {json::string(host::hex_text(attempts.front().attempt.hash))});
  scene.venues.compete(Leg::back, put_in / 50);
  std::vector<Fill> fills = scene.look();
  for (int i = 0; i < 100 && scene.sent() == left; ++i) std::this_thread::sleep_for(20ms);
  const Integer now = scene.venues.quote(VenueKind::v3, Leg::back,
                                         scene.venues.quote(VenueKind::v2, Leg::there, put_in));
  REQUIRE(now > put_in);  // less than it costs, and still a gain
  for (int i = 0; i < 4 && fills.empty(); ++i) fills = scene.look_at_block();
  REQUIRE(fills.size() == 1);
  CHECK(fills.front().reason == FillReason::reverted);
  CHECK(scene.balances().gained == before.gained);
  // Its loss counts at the price that it was planned with, and that is written down.
  CHECK(fills.front().amount_usd_e6 > 0);
  CHECK(fills.front().amount_usd_e6 != Fill::no_price);
  const auto trade = scene.newest_trade();
  const auto& realised = *trade.result->realised;
  REQUIRE(realised.price);
  CHECK(realised.price->usd_e6 == order.ether_usd_e6);
  CHECK(realised.price->source == "plan");
}

// What a trade under way begins with is not there for the next one.
void check_funds(ExecutionScene& scene) {
  const Integer little = put_in / 4;
  scene.hold(put_in - little);  // with what it has: enough for either, and not for both
  for (int i = 0; i < 2; ++i) scene.mine();
  const auto begin = [&](VenueKind first, VenueKind second) {
    const std::size_t open = scene.ledger().open_intents().value().size();
    scene.hand_over(scene.order(first, second));
    std::vector<Fill> fills;
    for (int i = 0; i < 500 && fills.empty(); ++i) {
      std::this_thread::sleep_for(10ms);
      if (scene.ledger().open_intents().value().size() > open && scene.is_submitted()) break;
      fills = scene.fills();
    }
    return fills;
  };
  const auto all_filled = [&](std::size_t wanted) {
    std::vector<Fill> fills;
    for (int i = 0; i < 20 && fills.size() < wanted; ++i) {
      for (Fill& each : scene.look_at_block()) fills.push_back(std::move(each));
    }
    return fills.size() == wanted && std::ranges::all_of(fills, &Fill::filled);
  };
  CHECK(begin(VenueKind::v2, VenueKind::v3).empty());
  const auto refused = begin(VenueKind::curve, VenueKind::pancake_v3);
  CHECK(scene.ledger().open_intents().value().size() == 1);
  CHECK(refused.size() == 1);
  for (const Fill& each : refused) CHECK(each.reason == FillReason::no_funds);
  CHECK(all_filled(2 - refused.size()));

  scene.hold(little);
  for (int i = 0; i < 2; ++i) scene.mine();
  CHECK(begin(VenueKind::v2, VenueKind::v3).empty());
  CHECK(begin(VenueKind::curve, VenueKind::pancake_v3).empty());
  CHECK(scene.ledger().open_intents().value().size() == 2);
  CHECK(all_filled(2));
}

}  // namespace

TEST_CASE("each lender and each pair of venues execute, and the account has the ledger's figure") {
  ExecutionScene scene;
  int executed = 0;
  int refused = 0;
  for (const LenderKind kind : lender_kinds) {
    scene.lend({scene.lender(kind)});
    Integer fee;
    scene.venues.loan(ExecutionScene::source_of(kind), put_in, fee);
    for (const VenueKind first : all_venues) {
      for (const VenueKind second : all_venues) {
        INFO(to_string(kind) << " lends: " << name_of(first) << " and " << name_of(second));
        if (kind == LenderKind::balancer_v2 &&
            (first == VenueKind::balancer_v2 || second == VenueKind::balancer_v2)) {
          // Its vault lets nobody in while it lends, and nobody else lends here.
          const Balances before = scene.balances();
          CHECK(scene.carry_out(scene.order(first, second)).reason == FillReason::no_funds);
          CHECK(scene.balances() == before);
          ++refused;
          continue;
        }
        check_trade(scene, first, second, fee);
        ++executed;
      }
    }
  }
  CHECK(executed == 5 * 36 + 25);
  CHECK(refused == 11);
  CHECK(scene.mismatches().empty());
}

TEST_CASE("what the limits of profit ask for is left after the loan, or nothing is sent") {
  ExecutionScene scene;
  scene.lend({scene.lender(LenderKind::aave_v3)});
  Integer fee;
  scene.venues.loan(ExecutionScene::source_of(LenderKind::aave_v3), put_in, fee);
  REQUIRE(fee > 0);
  // By the order's own figures, and what docs/executor.md says of the lender's gas.
  const auto order_with = [&](const Integer& more) {
    TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
    const Integer base = integer_of(order.base_fee);
    const Integer gas_price = base + (base + 7) / 8 + Integer(1'000'000'000);
    const Integer net = integer_of(order.amount_out) - put_in - fee - gas_price * 157'000;
    REQUIRE(net > 0);
    order.limits.least = to_u256(net + more);
    return order;
  };
  const Integer sent = scene.sent();
  CHECK(scene.carry_out(order_with(1)).reason == FillReason::no_profit);
  CHECK(scene.sent() == sent);
  CHECK(scene.carry_out(order_with(0)).filled());
}

TEST_CASE("each pair of venues executes with what the executor holds, which stays what it was") {
  ExecutionScene scene;
  scene.venues.chain().send(scene.venues.token(0),
                            scene.venues.chain().selector("transfer(address,uint256)") +
                                address_word(scene.venues.executor().address()) + word(put_in));
  scene.lend({});
  int executed = 0;
  for (const VenueKind first : all_venues) {
    for (const VenueKind second : all_venues) {
      INFO(name_of(first) << " and " << name_of(second));
      check_trade(scene, first, second, 0);
      ++executed;
    }
  }
  CHECK(executed == 36);
  CHECK(scene.mismatches().empty());
}

TEST_CASE("whatever a trade is settled with pays for its gas, at the most that it may cost") {
  ExecutionScene scene;
  scene.venues.chain().send(scene.venues.token(0),
                            scene.venues.chain().selector("transfer(address,uint256)") +
                                address_word(scene.venues.executor().address()) + word(put_in));
  scene.lend({});
  int left = 0;
  int bounded = 0;
  for (int i = 0; i < 24; ++i) {
    TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
    const Integer gain = integer_of(order.amount_out) - put_in;
    // Gas from next to nothing up to all of the gain, slippage from none to more than the gain.
    const Integer base = gain * (1 + i * i) / 600 / order.gas;
    order.base_fee = to_u256(base);
    order.data_fee = to_u256(i % 3 == 0 ? Integer(gain / 50) : Integer(0));
    order.least_out = to_u256(integer_of(order.amount_out) - gain * (i % 5) / 3);
    const std::uint64_t gas = order.gas;
    const Integer data_fee = integer_of(order.data_fee);
    const Fill fill = scene.carry_out(std::move(order));
    CAPTURE(i, to_string(fill.reason));
    if (fill.reason == FillReason::no_profit) continue;
    REQUIRE(fill.filled());
    ++left;
    const auto trade = scene.newest_trade();
    const auto attempts = scene.ledger().attempts(trade.intent.id).value();
    const Integer max_fee = integer_of(attempts.front().attempt.max_fee);
    CHECK(max_fee * gas + data_fee <= integer_of(trade.intent.intent.min_profit));
    CHECK(max_fee >= base * 9 / 8);
    bounded += max_fee < 2 * base ? 1 : 0;
  }
  CHECK(left > 10);
  CHECK(bounded > 2);
}

TEST_CASE("a trade whose gas grows after its simulation loses no more than it was to gain") {
  ExecutionScene scene;
  scene.hold(put_in);
  scene.lend({});
  auto& chain = scene.venues.chain().chain();
  // Its gain, in percent of what the gas is expected to cost.
  for (const int percent : {110, 150, 200}) {
    CAPTURE(percent);
    TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
    const std::uint64_t gas = order.gas;
    const Integer gain = integer_of(order.amount_out) - put_in;
    constexpr int priority = 1'000'000'000;
    const Integer base = (gain * 100 / percent / gas - priority) * 8 / 9;
    REQUIRE(base > 0);
    order.base_fee = to_u256(base);
    // All of what a call of its second token is given is gone then.
    const std::string token = scene.venues.token(1);
    const json::value code = chain.call("eth_getCode", {json::string(token), "latest"});
    scene.before_block = [&] {
      chain.call("anvil_setCode", {json::string(token), "0xfe"});
      chain.call(
          "anvil_setNextBlockBaseFeePerGas",
          {json::string(host::quantity_text(Integer(base * 9 / 8).convert_to<std::uint64_t>()))});
    };
    const Balances before = scene.balances();
    const Fill fill = scene.carry_out(order);
    chain.call("anvil_setCode", {json::string(token), code});
    scene.before_block = nullptr;
    CHECK(fill.reason == FillReason::reverted);
    scene.book().closed(closed_of(fill));
    (void)scene.book().apply({host::RiskFact::Kind::resume});
    const Integer lost = before.coins - scene.balances().coins;
    CHECK(lost <= gain);
    const auto trade = scene.newest_trade();
    const auto attempt = scene.ledger().attempts(trade.intent.id).value().front().attempt;
    const auto sent = host::sign::decode_transaction(attempt.bytes).value().transaction;
    CHECK(integer_of(sent.max_fee) * sent.gas_limit <= gain);
    CHECK(sent.gas_limit >= gas);
    // It did take more than was expected, nearly all that it might.
    CHECK(trade.result->receipt.gas_used > gas);
    CHECK(integer_of(fill.gas_wei) == lost);
  }
}

TEST_CASE("the chain takes a trade up to its deadline, for more than it costs, with free funds") {
  ExecutionScene scene;
  scene.hold(put_in);
  scene.lend({});
  check_deadline(scene);
  check_costs(scene);
  check_funds(scene);
}

TEST_CASE("a strategy that is HALTED alone sends nothing, and another one still does") {
  host::RiskSettings risk;
  host::RiskScope own{host::RiskScopeKind::strategy, "reckless", {}};
  own.limits.max_failures = 0;
  risk.scopes.push_back(own);
  ExecutionScene scene(risk);
  scene.lend({scene.lender(LenderKind::aave_v3)});
  const auto scope = scene.book().scope(host::RiskScopeKind::strategy, "reckless");
  TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
  order.scopes.add(scope);
  (void)scene.book().begin_group(1'700'000'000);
  // Of one that was approved before it failed.
  host::TradeClosed failed;
  failed.opened.scopes.add(scope);
  scene.book().closed(failed);
  REQUIRE(scene.book().mode() == host::TradingMode::active);
  const Integer before = scene.sent();
  CHECK(scene.carry_out(order).reason == FillReason::halted);
  CHECK(scene.sent() == before);
  CHECK(scene.carry_out(scene.order(VenueKind::v2, VenueKind::v3)).filled());
}

TEST_CASE("a stop after a trade is signed and before it left keeps it from leaving") {
  ExecutionScene scene;
  scene.lend({scene.lender(LenderKind::aave_v3)});
  host::RiskFact stop;
  stop.kind = host::RiskFact::Kind::halt;
  stop.time_s = 1'700'000'000;
  scene.signer.signed_one = [&] { (void)scene.book().apply(stop); };
  const Integer before = scene.sent();
  const Fill fill = scene.carry_out(scene.order(VenueKind::v2, VenueKind::v3));
  CHECK(fill.reason == FillReason::halted);
  CHECK(scene.sent() == before);
  const auto trades = scene.ledger().last_trades(1);
  REQUIRE(trades);
  for (const auto& trade : *trades) CHECK(trade.intent.state == host::ledger::State::dropped);
  scene.mine();
  CHECK(scene.sent() == before);
}

TEST_CASE("while HALTED a trade that no block takes is neither sent again nor cancelled") {
  ExecutionScene scene;
  scene.lend({scene.lender(LenderKind::aave_v3)});
  auto& chain = scene.venues.chain().chain();
  const Integer before = scene.sent();
  scene.hand_over(scene.order(VenueKind::v2, VenueKind::v3));
  for (int i = 0; i < 500 && !scene.is_submitted(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(scene.is_submitted());
  REQUIRE(scene.sent() == before + 1);
  host::RiskFact fact;
  fact.kind = host::RiskFact::Kind::halt;
  fact.time_s = 1'700'000'000;
  REQUIRE(scene.book().apply(fact));
  const auto attempts = [&] {
    return scene.ledger().attempts(scene.newest_trade().intent.id).value();
  };
  // Lost on its way, which is when it would be sent again; later its time is over.
  chain.call("anvil_dropTransaction",
             {json::string(host::hex_text(attempts().front().attempt.hash))});
  for (int i = 0; i < 10; ++i) {
    scene.mine();
    CHECK(scene.sent() == before);
  }
  CHECK(attempts().size() == 1);
  // Then its nonce is taken back.
  fact.kind = host::RiskFact::Kind::resume;
  REQUIRE(scene.book().apply(fact));
  for (int i = 0; i < 40 && scene.sent() == before; ++i) scene.mine();
  CHECK(scene.sent() == before + 1);
  CHECK(attempts().size() == 2);
}

TEST_CASE("a stop while a cancellation is being sent keeps it, and its very bytes leave later") {
  ExecutionScene scene;
  scene.lend({scene.lender(LenderKind::aave_v3)});
  const Integer before = scene.sent();
  const auto attempts = [&] {
    return scene.ledger().attempts(scene.newest_trade().intent.id).value();
  };
  std::atomic<bool> stopped = false;
  host::RiskFact fact;
  fact.kind = host::RiskFact::Kind::halt;
  fact.time_s = 1'700'000'000;
  // The trade is lost on its way each time; the cancellation is stopped when it is on its own.
  scene.instead_of_sending = [&]() -> std::optional<host::SubmitReport> {
    if (attempts().size() == 1) {
      return host::SubmitReport{host::SubmitVerdict::taken, {"nobody"}, {}};
    }
    if (!stopped) (void)scene.book().apply(fact);
    stopped = true;
    return std::nullopt;
  };
  scene.hand_over(scene.order(VenueKind::v2, VenueKind::v3));
  for (int i = 0; i < 500 && !scene.is_submitted(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(scene.is_submitted());
  for (int i = 0; i < 40 && !stopped; ++i) scene.mine();
  REQUIRE(stopped);
  for (int i = 0; i < 6; ++i) scene.mine();
  CHECK(scene.sent() == before);
  REQUIRE(attempts().size() == 2);
  CHECK(attempts().back().attempt.purpose == host::ledger::Purpose::cancellation);

  fact.kind = host::RiskFact::Kind::resume;
  REQUIRE(scene.book().apply(fact));
  for (int i = 0; i < 40 && scene.sent() == before; ++i) scene.mine();
  CHECK(scene.sent() == before + 1);
  // Nobody had it, so it need not offer more than itself.
  CHECK(attempts().size() == 2);
  std::vector<Fill> fills;
  for (int i = 0; i < 20 && fills.empty(); ++i) fills = scene.look_at_block();
  REQUIRE(fills.size() == 1);
  CHECK(fills.front().reason == FillReason::expired);
  CHECK_FALSE(scene.receipt_at(attempts().back().attempt.hash).is_null());
}

TEST_CASE("a trade that was sent by somebody who denies it is in the books all the same") {
  ExecutionScene scene;
  auto& chain = scene.venues.chain();
  chain.send(scene.venues.token(0), chain.selector("transfer(address,uint256)") +
                                        address_word(scene.venues.executor().address()) +
                                        word(put_in));
  scene.lend({});
  const Balances before = scene.balances();
  scene.deny(true);
  const TradeOrder order = scene.order(VenueKind::v2, VenueKind::v3);
  const Fill denied = scene.carry_out(order);
  CHECK(denied.reason == host::FillReason::not_taken);
  CHECK(denied.group == order.group);
  std::vector<Fill> late;
  for (int i = 0; i < 20 && late.empty(); ++i) late = scene.look_at_block();
  REQUIRE(late.size() == 1);
  CHECK(late.front().filled());
  CHECK(late.front().executed());
  CHECK(late.front().group == order.group);
  CHECK(late.front().telling == host::Telling::again);
  const auto trade = scene.newest_trade();
  REQUIRE(trade.result);
  REQUIRE(trade.result->realised);
  CHECK(integer_of(trade.result->realised->profit) == scene.balances().gained - before.gained);
  CHECK(scene.balances().gained > before.gained);
}

TEST_CASE("a loss that trips a breaker stops the next trade before the risk book is told of it") {
  host::RiskSettings risk;
  risk.max_failures = 0;
  ExecutionScene scene(risk);
  auto& chain = scene.venues.chain();
  chain.send(scene.venues.token(0), chain.selector("transfer(address,uint256)") +
                                        address_word(scene.venues.executor().address()) +
                                        word(put_in));
  scene.lend({});
  const VenueKind first = VenueKind::v2;
  const VenueKind second = VenueKind::v3;
  // Somebody breaks its second pool while it is on its way.
  const std::string pool = scene.venues.pool(second, Leg::back);
  const json::value code = chain.chain().call("eth_getCode", {json::string(pool), "latest"});
  scene.before_block = [&] {
    chain.chain().call("anvil_setCode", {json::string(pool), "0x60006000fd"});
  };
  const Fill lost = scene.carry_out(scene.order(first, second));
  CHECK(lost.reason == host::FillReason::reverted);
  CHECK(lost.row > 0);
  chain.chain().call("anvil_setCode", {json::string(pool), code});
  scene.before_block = nullptr;

  // The book is told with the next block, and nothing leaves until then.
  CHECK(scene.book().mode() == host::TradingMode::active);
  CHECK(scene.carry_out(scene.order(first, second)).reason == host::FillReason::halted);
  scene.book().closed(closed_of(lost));
  CHECK(scene.book().mode() == host::TradingMode::halted);
  REQUIRE(scene.book().apply({host::RiskFact::Kind::resume}));
  // Told once: what an operator resumed goes on.
  CHECK(scene.carry_out(scene.order(first, second)).filled());
}

}  // namespace gantry::test
