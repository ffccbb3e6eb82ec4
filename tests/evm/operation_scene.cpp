#include "evm/operation_scene.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/trading_books.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr EntryPointVersion version = EntryPointVersion::v0_7;
// Longer than whoever asks.
constexpr std::chrono::seconds bundler_held_max{20};

std::string paymaster_text(const std::string& name, int priority, const std::string& url) {
  return fmt::format(
      "[[paymaster]]\nname = \"{}\"\nplugin = \"pimlico\"\npriority = {}\nurl = \"{}\"\n"
      "method = \"erc7677\"\ntimeout_ms = {}\n",
      name, priority, url, priority == 1 ? 300 : 4000);
}

// The account is there, and the chain mines when it is told to from now on.
std::string prepared_account(EntryPointChain& chain) {
  const std::string& owner = TradingScene::key_owner();
  chain.deployer().send(chain.factory(version), chain.create_account_data(owner));
  chain.anvil().call("evm_setAutomine", {false});
  chain.anvil().call("anvil_removeBlockTimestampInterval");
  return chain.account_of(version, owner);
}

}  // namespace

HeldBundler::HeldBundler(std::string alto)
    : alto_(std::move(alto)), server_([this](const HttpCall& call) { return answer(call); }) {}

bool HeldBundler::wait_at(Gate gate) {
  std::unique_lock lock(mutex_);
  if (gate_ != gate) return true;
  ++waiting_;
  moved_.notify_all();
  moved_.wait_for(lock, bundler_held_max, [&] { return gate_ != gate; });
  --waiting_;
  return forward_;
}

HttpReply HeldBundler::answer(const HttpCall& call) {
  HttpReply reply;
  const bool sends = call.body.find("eth_sendUserOperation") != std::string::npos;
  if (sends) ++sends_;
  if (sends && !wait_at(Gate::before)) {
    reply.hang_up = true;
    return reply;
  }
  reply.body = post_json(alto_, call.body);
  if (sends) wait_at(Gate::after);
  return reply;
}

void HeldBundler::hold(Gate gate) {
  const std::lock_guard lock(mutex_);
  gate_ = gate;
}

bool HeldBundler::is_held(milliseconds wait) {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, wait, [this] { return waiting_ > 0; });
}

void HeldBundler::release(bool forward) {
  const std::lock_guard lock(mutex_);
  forward_ = forward;
  gate_ = Gate::open;
  moved_.notify_all();
}

OperationScene::OperationScene(std::uint64_t seed)
    : alto_(entry_),
      paymaster_(entry_, alto_),
      bundler(alto_.url()),
      trading(entry_.anvil(), prepared_account(entry_), entry_point_text(version), seed) {
  trading.space.edit("gantry.toml", "[chain.execution]\n",
                     fmt::format("[chain.bundler]\nname = \"alto\"\nurl = \"{}\"\n"
                                 "[chain.execution]\nsend = \"operation\"\n",
                                 bundler.url()));
  trading.space.edit("gantry.toml", "blocks_max = 3", "blocks_max = 5");
  trading.space.edit("gantry.toml", "[wallet]\n",
                     fmt::format("[wallet]\nowner = \"{}\"\nentry_point = \"{}\"\n",
                                 TradingScene::key_owner(), trading.entry_point));
  trading.space.append("gantry.toml", "\n" + paymaster_text("server", 2, paymaster_.url()));
}

void OperationScene::pay_first(const std::string& url) {
  trading.space.append("gantry.toml", "\n" + paymaster_text("first", 1, url));
}

void OperationScene::step(host::tests::Running& running, int wait_ms) {
  if (running.ended()) return;
  trading.market.trade(true);
  const auto end = std::chrono::steady_clock::now() + milliseconds(wait_ms);
  while (std::chrono::steady_clock::now() < end && !running.ended()) {
    if (bundler.is_held(milliseconds(0))) return;
    const json::value waiting = trading.chain.call("txpool_status");
    if (text_of(waiting.at("pending")) != "0x0") {
      trading.chain.call("evm_mine");
      return;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
}

bool OperationScene::trade_until(host::tests::Running& running, std::uint64_t operations,
                                 int steps_max) {
  const std::uint64_t before = trading.nonce();
  for (int i = 0; i < steps_max && !running.ended(); ++i) {
    if (trading.nonce() >= before + operations) return true;
    step(running);
  }
  return trading.nonce() >= before + operations;
}

void OperationScene::settle() {
  for (int tries = 0; tries < 3; ++tries) {
    host::tests::Running running = trading.start({"--blocks", "30"});
    while (!running.ended()) trading.mine(1, 120);
    const host::tests::Ended ended = running.wait();
    if (ended.code != 0) throw std::runtime_error(ended.err);
    const auto open = trading.books()->open_intents();
    if (open && open->empty()) return;
  }
}

}  // namespace gantry::test
