// Usage: ledger_trader LEDGER URL ACKS PHASE TRADE DELAY_US
// Trades as an execution stage does, and kills itself (SIGKILL) DELAY_US after it entered PHASE of
// its TRADE-th trade, at the latest at that phase's end. What it was told to be recorded it writes
// to ACKS, a line each. PHASE "none": it ends by itself after TRADE trades.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "host/ledger/reconcile.hpp"
#include "node.hpp"

using gantry::u256;
using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Killer {
 public:
  Killer(std::string phase, int trade, int delay_us)
      : phase_(std::move(phase)), trade_(trade), delay_us_(delay_us) {}
  void begin_trade() { ++now_; }
  template <class Work>
  auto during(const std::string& phase, Work work) {
    const bool mine = phase == phase_ && now_ == trade_;
    if (mine) {
      std::thread([this] {
        std::this_thread::sleep_for(std::chrono::microseconds(delay_us_));
        ::kill(::getpid(), SIGKILL);
      }).detach();
    }
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      if (mine) wait_for_the_end();
    } else {
      auto out = work();
      if (mine) wait_for_the_end();
      return out;
    }
  }

 private:
  [[noreturn]] static void wait_for_the_end() {
    while (true) ::pause();
  }
  std::string phase_;
  int trade_;
  int delay_us_;
  int now_ = 0;
};

class Acks {
 public:
  explicit Acks(const char* path)
      : file_(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  void write(const std::string& line) {
    const std::string whole = line + "\n";
    if (::write(file_, whole.data(), whole.size()) < 0) std::exit(1);
  }

 private:
  int file_;
};

Intent intent_of(std::uint64_t nonce, std::uint64_t block) {
  Intent out;
  out.key = fmt::format("nonce {}", nonce);
  out.strategy = "triangular";
  out.token_in = out.token_out = "native";
  out.route = {{"uniswap_v2", "0x01", "native", "0x0a"}, {"sushiswap", "0x02", "0x0a", "native"}};
  out.amount_in = u256(1);
  out.planned_out = u256(2);
  out.block = block;
  return out;
}

void trade(Ledger& ledger, Node& node, Killer& killer, Acks& acks) {
  killer.begin_trade();
  const Lane lane{anvil_chain, trader, "", {}};
  Reservation nonce = must(ledger.reserve(lane));
  const std::uint64_t number = nonce.nonce();
  const Attempt first = node.sign(trader, number);
  killer.during("before_commit", [] {});
  const AttemptId id = killer.during("in_commit", [&] {
    return must(ledger.record(intent_of(number, node.head()), std::move(nonce), first).get());
  });
  acks.write(fmt::format("intent {}", id.intent));
  killer.during("before_submission", [] {});
  killer.during("after_submission", [&] {
    if (const auto error = node.send(first.bytes); !error.empty()) {
      std::fprintf(stderr, "%s\n", error.c_str());
      std::exit(1);
    }
    must(ledger.submitted(id, "local").get());
  });
  acks.write(fmt::format("submitted {}", id.intent));
  AttemptId last = id;
  Attempt sent = first;
  if (number % 2 == 1) {  // a higher fee
    sent = node.sign(trader, number, 20);
    last = must(ledger.record(id.intent, sent).get());
    static_cast<void>(node.send(sent.bytes));
    must(ledger.submitted(last, "local").get());
  }
  node.mine();
  const auto receipt = must(node.view->transaction(sent.hash));
  if (!receipt) std::exit(1);
  killer.during("before_result", [&] {
    Realised realised;
    realised.token = "native";
    realised.value_wei = SignedAmount::from_bits(u256(5));
    realised.profit = realised.value_wei;
    realised.cost_wei = u256(2);
    must(ledger.result(last, *receipt, realised).get());
  });
  acks.write(fmt::format("result {}", id.intent));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  Node node(argv[2]);
  Acks acks(argv[3]);
  Killer killer(argv[4], std::atoi(argv[5]), std::atoi(argv[6]));
  const auto ledger = must(Ledger::open(argv[1]));
  static_cast<void>(must(node.view->head()));
  must(reconcile(*ledger, *node.view, anvil_chain));
  must(ledger->observe_nonce({anvil_chain, trader, "", {}}, node.next_nonce(trader)).get());
  const int trades = std::atoi(argv[5]);
  for (int i = 0; i < trades; ++i) trade(*ledger, node, killer, acks);
  return 0;
}
