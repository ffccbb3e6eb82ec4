// What a real node says of open intents is written down, each with its reason.
#include "host/ledger/reconcile.hpp"

#include "evm/anvil_node.hpp"
#include "fixture.hpp"
#include "node.hpp"
#include "support/anvil.hpp"
#include "support/rpc_server.hpp"

using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;

namespace {

constexpr ReconcileOptions shallow{.depth = 4};

class Scene {
 public:
  Scene() : node(chain.url()) {
    ledger = value_of(Ledger::open(folder / "ledger.sqlite"));
    value_of(ledger->observe_nonce(lane, 0));
  }
  // Recorded, not sent.
  AttemptId record(const std::string& key, Kind kind = Kind::transaction,
                   std::uint64_t last_block = 0, const std::string& to = other_account,
                   const std::string& data = "0x") {
    Reservation nonce = value_of(ledger->reserve(lane));
    Intent made = intent(key);
    made.kind = kind;
    made.block = node.head();
    made.last_block = last_block;
    const Attempt signed_ = node.sign(trader, nonce.nonce(), 10 + ++signed_count, to, data);
    return value_of(ledger->record(made, std::move(nonce), signed_));
  }
  std::string send(const AttemptId& id) {
    return node.send(value_of(ledger->attempts(id.intent)).at(id.number - 1).attempt.bytes);
  }
  // What was found of an intent.
  Reconciled reconciled(IntentId id) {
    const auto all = value_of(reconcile(*ledger, *node.view, anvil_chain, shallow));
    for (const Reconciled& each : all.intents) {
      if (each.intent == id) {
        CHECK(value_of(ledger->intent(id)).reason == each.reason);
        return each;
      }
    }
    FAIL("intent " << id << " was not looked at");
    return {};
  }
  State state(IntentId id) { return value_of(ledger->intent(id)).state; }
  ~Scene() {
    const auto found = value_of(verify(folder / "ledger.sqlite"));
    for (const Finding& each : found.findings) FAIL_CHECK("row " << each.row << " " << each.what);
  }

  gantry::test::Anvil chain;
  gantry::test::TemporaryFolder folder;
  Node node;
  const Lane lane{anvil_chain, trader, "", {}};
  std::unique_ptr<Ledger> ledger;
  std::uint64_t signed_count = 0;  // no two attempts have the same bytes
};

// Answers getNonce() with what it has counted, and counts and logs as an EntryPoint whatever else
// it is called with: topic, hash, and the 128 bytes of the event.
const char* const entry_point_code =
    "0x366044146023576080604060003760203560003560806000a2600160005401600055005b"
    "60005460005260206000f3";

// A node that at times has no receipts.
class ForgetfulView final : public ChainView {
 public:
  explicit ForgetfulView(ChainView& of) : of_(of) {}
  bool forgets = false;

  Result<std::uint64_t> head() override { return of_.head(); }
  Result<std::optional<Hash>> block_hash(std::uint64_t block) override {
    return of_.block_hash(block);
  }
  Result<std::uint64_t> next_nonce(const Lane& lane, std::uint64_t block) override {
    return of_.next_nonce(lane, block);
  }
  Result<std::optional<Receipt>> transaction(const Hash& hash) override {
    return forgets ? Result<std::optional<Receipt>>() : of_.transaction(hash);
  }
  Result<std::optional<Receipt>> user_operation(const Lane& lane, const Hash& hash,
                                                std::uint64_t nonce,
                                                std::uint64_t from_block) override {
    return of_.user_operation(lane, hash, nonce, from_block);
  }
  Result<std::optional<Hash>> carrier(const Lane& lane, const Hash& operation,
                                      std::uint64_t block) override {
    return of_.carrier(lane, operation, block);
  }

 private:
  ChainView& of_;
};

// A node that has the state of its newest block alone, as one that was pruned.
class ForgettingNode final : public gantry::test::RpcNode {
 public:
  explicit ForgettingNode(const gantry::test::Anvil& chain) : node_(chain) {}
  boost::json::array answer(const boost::json::array& calls, const Manner& manner) override {
    boost::json::array answers = node_.answer(calls, manner);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const auto& call = calls[i].as_object();
      if (call.at("method") != "eth_call") continue;
      const auto block = quantity(call.at("params").at(1));
      if (!block || *block == newest()) continue;
      answers[i] =
          boost::json::object{{"jsonrpc", "2.0"},
                              {"id", call.at("id")},
                              {"error", {{"code", -32000}, {"message", "missing trie node"}}}};
    }
    return answers;
  }

 private:
  std::uint64_t newest() { return quantity(node_.ask("eth_blockNumber", {})).value(); }
  gantry::test::AnvilNode node_;
};

}  // namespace

TEST_CASE("what was included while nobody looked is found, with what the chain says of it") {
  Scene scene;
  const AttemptId id = scene.record("a");
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  CHECK(scene.state(1) == State::included);
  const auto result = value_of(scene.ledger->result_of(1));
  REQUIRE(result);
  CHECK(result->receipt.success);
  CHECK(result->receipt.block == scene.node.head());
  CHECK(result->receipt.gas_used == 21'000);
  CHECK(result->receipt.block_time_s > 0);
  CHECK_FALSE(result->realised);
  // Deep enough, it is final.
  scene.node.mine(4);
  CHECK(value_of(reconcile(*scene.ledger, *scene.node.view, anvil_chain, shallow)).final == 1);
  CHECK(value_of(scene.ledger->result_of(1))->final);
}

TEST_CASE("what failed on the chain is reverted, and its gas is told") {
  Scene scene;
  const std::string target = "0x00000000000000000000000000000000000000aa";
  scene.node.call("anvil_setCode", {target, "0x60006000fd"});
  const AttemptId id = scene.record("a", Kind::transaction, 0, target);
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::reverted);
  CHECK(scene.state(1) == State::reverted);
  CHECK(value_of(scene.ledger->result_of(1))->receipt.gas_used > 21'000);
}

TEST_CASE("what never left may be sent again, the very same bytes, and those after it wait") {
  Scene scene;
  scene.record("a");
  scene.record("b");
  const Reconciled first = scene.reconciled(1);
  CHECK(first.verdict == Verdict::send_again);
  REQUIRE(first.send_again.size() == 1);
  const Reconciled second = scene.reconciled(2);
  has(second.reason, "nonces 0 to 0 come first");
  CHECK(scene.send(second.send_again[0]).empty());
  CHECK(scene.send(first.send_again[0]).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  CHECK(scene.state(2) == State::included);
}

TEST_CASE("of several attempts one is included and the others are replaced") {
  Scene scene;
  const AttemptId first = scene.record("a");
  const AttemptId second = value_of(scene.ledger->record(1, scene.node.sign(trader, 0, 20)));
  CHECK(scene.send(first).empty());
  CHECK(scene.send(second).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  const auto attempts = value_of(scene.ledger->attempts(1));
  CHECK(attempts[0].state == State::replaced);
  CHECK(attempts[1].state == State::included);
}

TEST_CASE("a nonce that somebody else took drops the intent, once that is deep enough") {
  Scene scene;
  scene.record("a");
  // The same account, from elsewhere.
  CHECK(scene.node.send(scene.node.sign(trader, 0, 30).bytes).empty());
  scene.node.mine();
  const Reconciled early = scene.reconciled(1);
  CHECK(early.verdict == Verdict::wait);
  has(early.reason, "waits until that is final");
  CHECK(scene.state(1) == State::intended);
  scene.node.mine(4);
  CHECK(scene.reconciled(1).verdict == Verdict::dropped);
  CHECK(scene.state(1) == State::dropped);
  CHECK(value_of(scene.ledger->reserve(scene.lane)).nonce() == 1);
}

TEST_CASE("a transaction whose time is over is cancelled, a bundle expires") {
  Scene scene;
  scene.node.mine(3);
  scene.record("a", Kind::transaction, 2);
  CHECK(scene.reconciled(1).verdict == Verdict::cancel);
  Attempt cancel = scene.node.sign(trader, 0, 20, trader);
  cancel.purpose = Purpose::cancellation;
  const AttemptId id = value_of(scene.ledger->record(1, cancel));
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::replaced);
  CHECK(scene.state(1) == State::replaced);

  const AttemptId bundle = scene.record("b", Kind::bundle, scene.node.head() + 1);
  CHECK(scene.reconciled(2).verdict == Verdict::send_again);
  scene.node.mine(2);
  CHECK(scene.reconciled(2).verdict == Verdict::expired);
  // Its nonce is the next one's, and when it is included after all, that one is dropped.
  const AttemptId next = scene.record("c");
  CHECK(value_of(scene.ledger->intent(next.intent)).nonce == 1);
  CHECK(scene.send(bundle).empty());
  scene.node.mine();
  CHECK(scene.reconciled(3).verdict == Verdict::dropped);
  CHECK(scene.state(2) == State::included);
}

TEST_CASE("a reorganization takes the result back, and it is found where it went") {
  Scene scene;
  const AttemptId id = scene.record("a");
  const auto before = scene.node.call("evm_snapshot");
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  const std::uint64_t block = value_of(scene.ledger->result_of(1))->receipt.block;
  value_of(scene.ledger->realised(1, realised()));
  scene.node.call("evm_revert", {before});
  scene.node.mine(2);
  const auto again = value_of(reconcile(*scene.ledger, *scene.node.view, anvil_chain, shallow));
  CHECK(again.taken_back.size() == 1);
  CHECK(scene.state(1) == State::submitted);
  CHECK(value_of(scene.ledger->profit({})).empty());
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  CHECK(value_of(scene.ledger->result_of(1))->receipt.block > block);
}

TEST_CASE("a node without a receipt takes no result back while its block is the chain's") {
  Scene scene;
  const AttemptId id = scene.record("a");
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  value_of(scene.ledger->realised(1, realised()));
  ForgetfulView view(*scene.node.view);
  view.forgets = true;
  scene.node.mine();
  CHECK(value_of(reconcile(*scene.ledger, view, anvil_chain, shallow)).taken_back.empty());
  CHECK(scene.state(1) == State::included);
  // Its block is deep enough then, whatever that node has forgotten.
  scene.node.mine(4);
  CHECK(value_of(reconcile(*scene.ledger, view, anvil_chain, shallow)).final == 1);
  CHECK(value_of(scene.ledger->result_of(1))->realised);
}

TEST_CASE("what somebody said nobody has is watched, and written down when it is in a block") {
  Scene scene;
  const AttemptId id = scene.record("a");
  value_of(scene.ledger->given_up(1, "not today"));
  CHECK(scene.state(1) == State::dropped);
  CHECK(value_of(scene.ledger->watched_intents()).size() == 1);
  // Its nonce is the next one's.
  scene.record("b");
  CHECK(value_of(scene.ledger->intent(2)).nonce == 0);
  CHECK(scene.reconciled(2).verdict == Verdict::send_again);
  value_of(scene.ledger->withdraw(2, "not simulated"));
  CHECK(value_of(scene.ledger->watched_intents()).size() == 1);  // that one never left
  // Nothing is open, and it is found all the same.
  CHECK(scene.send(id).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::included);
  CHECK(scene.state(1) == State::included);
  CHECK(value_of(scene.ledger->watched_intents()).empty());
}

TEST_CASE("what was given up is watched until its nonce is taken for good") {
  Scene scene;
  scene.record("a");
  value_of(scene.ledger->given_up(1, "not today"));
  CHECK(scene.node.send(scene.node.sign(trader, 0, 30).bytes).empty());
  scene.node.mine();
  const auto look = [&] {
    value_of(reconcile(*scene.ledger, *scene.node.view, anvil_chain, shallow));
    return value_of(scene.ledger->watched_intents()).size();
  };
  CHECK(look() == 1);
  scene.node.mine(4);
  CHECK(look() == 0);
  CHECK(scene.state(1) == State::dropped);
  CHECK(value_of(scene.ledger->attempts(1)).at(0).state == State::dropped);
  has(error_of(scene.ledger->given_up(1, "again")).message, "cannot be given back");
}

TEST_CASE("a user operation is found by the entry point's own event, and its nonce by its key") {
  Scene scene;
  const std::string entry_point = "0x0000000071727de22e5e9d8baf0edac6f37da032";
  scene.node.call("anvil_setCode", {entry_point, entry_point_code});
  Lane operations{anvil_chain, trader, entry_point, {}};
  operations.key[23] = 9;
  REQUIRE(value_of(scene.node.view->head()) == 0);
  value_of(scene.ledger->observe_nonce(operations,
                                       value_of(scene.node.view->next_nonce(operations, 0))));
  Intent made = intent("operation");
  made.kind = Kind::user_operation;
  made.block = 0;
  made.last_block = 0;
  const AttemptId id = value_of(
      scene.ledger->record(made, value_of(scene.ledger->reserve(operations)), attempt(4242)));
  CHECK(scene.reconciled(1).verdict == Verdict::send_again);
  // The bundler's transaction: nonce 0, it failed, and cost 1,000,000 wei for 3 gas.
  const auto word = [](std::uint64_t number) { return fmt::format("{:064x}", number); };
  const std::string event = "0x49628fd1471006c1482da88028e9ce4dbb080b815c9b0344d39e5a8e6ec1419f" +
                            hex_text(attempt(4242).hash).substr(2) + word(0) + word(0) +
                            word(1'000'000) + word(3);
  CHECK(scene.node.send(scene.node.sign(other_account, 0, 10, entry_point, event).bytes).empty());
  scene.node.mine();
  CHECK(scene.reconciled(1).verdict == Verdict::reverted);
  const auto result = value_of(scene.ledger->result_of(1));
  REQUIRE(result);
  CHECK(result->id == id);
  CHECK(result->receipt.gas_used == 3);
  CHECK(result->receipt.gas_price == gantry::u256(333'334));
  CHECK(value_of(scene.ledger->reserve(operations)).nonce() == 1);
}

TEST_CASE("an operation is found in the block that took its nonce, however long ago that was") {
  Scene scene;
  const std::string entry_point = "0x0000000071727de22e5e9d8baf0edac6f37da032";
  scene.node.call("anvil_setCode", {entry_point, entry_point_code});
  const Lane operations{anvil_chain, trader, entry_point, {}};
  REQUIRE(value_of(scene.node.view->head()) == 0);
  value_of(scene.ledger->observe_nonce(operations, 0));
  const auto record = [&](const std::string& key, std::uint64_t number) {
    Intent made = intent(key);
    made.kind = Kind::user_operation;
    made.block = scene.node.head();
    made.last_block = 0;
    value_of(
        scene.ledger->record(made, value_of(scene.ledger->reserve(operations)), attempt(number)));
  };
  // The EntryPoint's event of that operation, in a block of its own.
  const auto include = [&](std::uint64_t number, std::uint64_t nonce) {
    const std::string event = "0x49628fd1471006c1482da88028e9ce4dbb080b815c9b0344d39e5a8e6ec1419f" +
                              hex_text(attempt(number).hash).substr(2) +
                              fmt::format("{:064x}", nonce) + fmt::format("{:064x}", 1) +
                              fmt::format("{:064x}", 900) + fmt::format("{:064x}", 3);
    REQUIRE(scene.node.send(scene.node.sign(other_account, nonce, 10, entry_point, event).bytes)
                .empty());
    scene.node.mine();
  };
  // Far fewer logs than the blocks that pass.
  const auto view = chain_view_of(scene.node.providers(), {.log_blocks = 2, .log_requests = 2});
  record("ours", 4242);
  record("another's", 4343);
  scene.node.mine(20);
  include(4242, 0);
  const std::uint64_t block = scene.node.head();
  include(4444, 1);  // in whose place nobody knows what
  scene.node.mine(30);
  value_of(reconcile(*scene.ledger, *view, anvil_chain, shallow));
  CHECK(scene.state(1) == State::included);
  CHECK(value_of(scene.ledger->result_of(1))->receipt.block == block);
  CHECK(scene.state(2) == State::dropped);
}

TEST_CASE("nothing is decided of an intent that is being sent, whatever the chain says of it") {
  Scene scene;
  const AttemptId id = scene.record("a", Kind::transaction, 1);
  value_of(scene.ledger->left_open(1, "it is about to leave"));
  const auto look = [&](const std::string& being_sent) {
    return value_of(reconcile(*scene.ledger, *scene.node.view, anvil_chain,
                              {.depth = 4, .being_sent = being_sent}));
  };
  // Its last block is over, its nonce is another's and deep: what would be cancelled or dropped.
  scene.node.mine(2);
  CHECK(look("a").intents.empty());
  CHECK(look("b").intents.at(0).verdict == Verdict::cancel);
  CHECK(scene.node.send(scene.node.sign(trader, 0, 30).bytes).empty());
  scene.node.mine(6);
  value_of(scene.ledger->left_open(1, "it is about to leave"));
  CHECK(look("a").intents.empty());
  CHECK(scene.state(1) == State::intended);
  CHECK(value_of(scene.ledger->intent(1)).reason == "it is about to leave");
  value_of(scene.ledger->submitted(id, "relay"));  // as whoever sends it says next
  CHECK(look("").intents.at(0).verdict == Verdict::dropped);
}

TEST_CASE("where nobody has the states of old blocks an operation is looked for step by step") {
  Scene scene;
  const std::string entry_point = "0x0000000071727de22e5e9d8baf0edac6f37da032";
  scene.node.call("anvil_setCode", {entry_point, entry_point_code});
  const Lane operations{anvil_chain, trader, entry_point, {}};
  REQUIRE(value_of(scene.node.view->head()) == 0);
  const auto event = [&](std::uint64_t number, std::uint64_t nonce) {
    return "0x49628fd1471006c1482da88028e9ce4dbb080b815c9b0344d39e5a8e6ec1419f" +
           hex_text(attempt(number).hash).substr(2) + fmt::format("{:064x}", nonce) +
           fmt::format("{:064x}", 1) + fmt::format("{:064x}", 900) + fmt::format("{:064x}", 3);
  };
  scene.node.mine(20);
  REQUIRE(scene.node.send(scene.node.sign(other_account, 0, 10, entry_point, event(4242, 0)).bytes)
              .empty());
  scene.node.mine();
  const std::uint64_t block = scene.node.head();
  scene.node.mine(9);
  // A node that has forgotten all states but the newest says so.
  ForgettingNode forgets(scene.chain);
  gantry::test::RpcServer server(forgets, forgets);
  Node light(server.url());
  const auto find = [&](ChainView& view, std::uint64_t number) {
    REQUIRE(view.head());
    return view.user_operation(operations, attempt(number).hash, 0, 0);
  };
  // Two blocks' logs at once, three times in a look.
  const auto view = chain_view_of(light.providers(), {.log_blocks = 2, .log_requests = 3});
  std::vector<std::string> told;
  std::optional<Receipt> found;
  for (int look = 0; look < 9 && !found; ++look) {
    const auto said = find(*view, 4242);
    if (said) {
      REQUIRE(*said);
      found = **said;
    } else {
      CHECK(said.error().kind == ErrorKind::limit);
      told.push_back(said.error().message);
    }
  }
  REQUIRE(found);
  CHECK(found->block == block);
  CHECK(found->gas_used == 3);
  // Six blocks of twenty-one in each of three looks, and the fourth has it.
  REQUIRE(told.size() == 3);
  for (std::size_t i = 0; i < told.size(); ++i) {
    has(told[i], fmt::format("is in none of the blocks 0 to {}; the next look goes on", 6 * i + 5));
  }
  // One that is in none is known to be so when all were looked at, and not before.
  bool through = false;
  int looks = 0;
  for (; looks < 9 && !through; ++looks) {
    const auto said = find(*view, 4343);
    through = said.has_value();
    if (through) CHECK_FALSE(said->has_value());
  }
  CHECK(looks == 6);
  // And of an old block a missing log proves nothing.
  const auto old =
      chain_view_of(light.providers(), {.log_blocks = 2, .log_requests = 3, .log_age_blocks = 5});
  const auto refused = find(*old, 4343);
  REQUIRE_FALSE(refused);
  has(refused.error().message, "so old that a log that is missing proves nothing");
}

TEST_CASE("a chain that does not answer leaves every intent open, with that as the reason") {
  Scene scene;
  scene.record("a");
  const std::string url = "http://127.0.0.1:1";  // nobody listens there
  Node nobody(url);
  const auto found = value_of(reconcile(*scene.ledger, *nobody.view, anvil_chain, shallow));
  REQUIRE(found.intents.size() == 1);
  CHECK(found.intents[0].verdict == Verdict::unknown);
  has(value_of(scene.ledger->intent(1)).reason, "HALTED");
  CHECK(scene.state(1) == State::intended);
}
