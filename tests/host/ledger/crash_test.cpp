// kill -9 in every phase of a trade, on a real node: no trade is lost, none is carried out twice,
// and the audit trail is whole. A power cut is not simulated here: that the disk keeps what was
// synced is the disk's word.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "fixture.hpp"
#include "host/ledger/reconcile.hpp"
#include "node.hpp"
#include "support/anvil.hpp"

extern char** environ;

using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;
namespace fs = std::filesystem;

namespace {

constexpr int trials_of_a_phase = 20;

std::uint64_t seed() {
  const char* given = std::getenv("GANTRY_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20261122;
}

// Runs the stage to its end; what waitpid() says.
int run_trader(std::vector<std::string> words) {
  words.insert(words.begin(), GANTRY_LEDGER_TRADER);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t pid = -1;
  REQUIRE(::posix_spawn(&pid, pointers[0], nullptr, nullptr, pointers.data(), environ) == 0);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return status;
}

class CrashTrial {
 public:
  explicit CrashTrial(gantry::test::Anvil& chain) : chain_(chain), node_(chain.url()) {
    begin_nonce_ = node_.next_nonce(trader);
    begin_block_ = node_.head();
  }

  void run(const std::string& phase, int trade, int delay_us) {
    const int status = run_trader({path().string(), chain_.url(), (folder_ / "acks").string(),
                                   phase, fmt::to_string(trade), fmt::to_string(delay_us)});
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);
    check_trail();
    const auto ledger = value_of(Ledger::open(path()));
    check_acknowledged(*ledger);
    settle(*ledger);
    check_chain(*ledger);
    // Life goes on, and no nonce is left out.
    CHECK(value_of(ledger->reserve(lane_)).nonce() == node_.next_nonce(trader));
    check_trail();
  }
  bool recorded_last() const { return recorded_last_; }

 private:
  fs::path path() const { return folder_ / "ledger.sqlite"; }

  void check_trail() const {
    const Verification found = value_of(verify(path()));
    for (const Finding& each : found.findings) FAIL_CHECK("row " << each.row << " " << each.what);
    CHECK(found.proven == found.rows);
  }

  // What the stage was told to be on the disk is there.
  void check_acknowledged(const Ledger& ledger) {
    std::ifstream acks(folder_ / "acks");
    std::string what;
    IntentId id = 0;
    IntentId last = 0;
    while (acks >> what >> id) {
      const StoredIntent found = value_of(ledger.intent(id));
      if (what == "submitted") CHECK(found.state != State::intended);
      if (what == "result") {
        CHECK(found.state == State::included);
        CHECK(value_of(ledger.result_of(id))->realised);
      }
      last = id;
    }
    recorded_last_ = ledger.intent(last + 1).has_value();
  }

  // As a start does: what the chain says is written down, what is said to be sent again is.
  void settle(Ledger& ledger) {
    const auto first = value_of(reconcile(ledger, *node_.view, anvil_chain));
    for (const StoredIntent& open : value_of(ledger.open_intents())) {
      INFO("intent " << open.id);
      CHECK_FALSE(open.reason.empty());
    }
    for (const Reconciled& each : first.intents) {
      INFO("intent " << each.intent << ": " << each.reason);
      CHECK((each.verdict == Verdict::send_again || each.verdict == Verdict::included));
      for (const AttemptId& id : each.send_again) {
        const auto attempts = value_of(ledger.attempts(id.intent));
        // The node may have it already, or one with a higher fee.
        static_cast<void>(node_.send(attempts.at(id.number - 1).attempt.bytes));
        value_of(ledger.submitted(id, "local"));
      }
    }
    node_.mine();
    value_of(reconcile(ledger, *node_.view, anvil_chain));
    CHECK(value_of(ledger.open_intents()).empty());
  }

  // Every transaction of the account is one of the ledger's, and each intent has one at most.
  void check_chain(const Ledger& ledger) {
    std::set<std::string> on_chain;
    for (std::uint64_t block = begin_block_ + 1; block <= node_.head(); ++block) {
      const auto found = node_.call("eth_getBlockByNumber", {quantity_text(block), true});
      for (const auto& transaction : found.at("transactions").as_array()) {
        if (transaction.at("from").as_string() != trader) continue;
        on_chain.insert(std::string(transaction.at("hash").as_string()));
      }
    }
    std::size_t known = 0;
    const auto trades = value_of(ledger.last_trades(1000));
    for (const Trade& trade : trades) {
      std::size_t effects = 0;
      for (const StoredAttempt& attempt : value_of(ledger.attempts(trade.intent.id))) {
        const bool included = on_chain.contains(hex_text(attempt.attempt.hash));
        effects += included ? 1 : 0;
        CHECK(included == (attempt.state == State::included));
      }
      CHECK(effects == 1);
      CHECK(trade.intent.state == State::included);
      known += effects;
    }
    CHECK(known == on_chain.size());
    CHECK(node_.next_nonce(trader) == begin_nonce_ + trades.size());
  }

  gantry::test::Anvil& chain_;
  gantry::test::TemporaryFolder folder_;
  Node node_;
  const Lane lane_{anvil_chain, trader, "", {}};
  std::uint64_t begin_nonce_ = 0;
  std::uint64_t begin_block_ = 0;
  bool recorded_last_ = false;
};

// Each trial is killed in its first, second or third trade, `longest_us` after the phase began at
// the most.
void try_phase(const std::string& phase, int longest_us) {
  gantry::test::Anvil chain;
  std::mt19937_64 random(seed());
  int recorded = 0;
  for (int i = 0; i < trials_of_a_phase; ++i) {
    const int trade = 1 + static_cast<int>(random() % 3);
    // Of all lengths: how long a phase takes is the disk's affair.
    const auto most = static_cast<std::uint64_t>(longest_us) >> (random() % 8);
    const int delay_us = static_cast<int>(random() % (most + 1));
    INFO("seed " << seed() << ", phase " << phase << ", trial " << i << ", trade " << trade
                 << ", after " << delay_us << " us");
    CrashTrial trial(chain);
    trial.run(phase, trade, delay_us);
    recorded += trial.recorded_last() ? 1 : 0;
  }
  std::printf(
      "  seed %llu, %s: %d trials; in %d an intent was on the disk that nobody had been "
      "told of\n",
      static_cast<unsigned long long>(seed()), phase.c_str(), trials_of_a_phase, recorded);
}

}  // namespace

TEST_CASE("killed before an intent is committed, nothing has left and nothing is owed") {
  try_phase("before_commit", 300);
}
TEST_CASE("killed while an intent is being committed, it is there whole or not at all") {
  try_phase("in_commit", 25'000);
}
TEST_CASE("killed between commit and submission, the same bytes are sent and nothing twice") {
  try_phase("before_submission", 300);
}
TEST_CASE("killed after submission and before its record, the trade is found on the chain") {
  try_phase("after_submission", 25'000);
}
TEST_CASE("killed between a result and its record, the result is found on the chain") {
  try_phase("before_result", 25'000);
}

TEST_CASE("a stage that is not killed leaves nothing open") {
  gantry::test::Anvil chain;
  const gantry::test::TemporaryFolder folder;
  const fs::path path = folder / "ledger.sqlite";
  REQUIRE(run_trader({path.string(), chain.url(), (folder / "acks").string(), "none", "4", "0"}) ==
          0);
  const auto ledger = value_of(Ledger::open(path));
  CHECK(value_of(ledger->open_intents()).empty());
  const auto rows = value_of(ledger->profit({}));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].included == 4);
  CHECK(to_string(rows[0].wei) == "12");
}
