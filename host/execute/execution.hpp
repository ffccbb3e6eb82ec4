// Carries out trades on one chain: what the plan node hands over is lent for, simulated at the
// block it was planned on, signed meanwhile, written to the ledger, sent, and followed until the
// chain has said what became of it.
//
//   order -> fund -> sign ------------> send -> confirm -> fill
//             |       ledger --------->  ^
//             `-----> simulate ------->  |   the gate: risk is asked again right before
//
// A back-run is sent as a bundle: somebody else's pending transaction, then the trade. It is
// simulated behind that one, for the next block alone, and never sent again or in any other way.
//
// A user operation is sponsored first, while it is simulated, and signed and written when somebody
// pays; where that sponsorship is not taken, again with another, in the same nonce. One operation
// of an account is under way at a time.
//
// Whatever happens, an order ends in exactly one fill. What leaves was written down before, so that
// a host that is killed finds it again: see host/ledger.
//
// THREADS    offer(), take_fills(), note_prices(), tell() and stop() from any; two threads of its
//            own, one for orders, one for what the chain says of them.
// OWNERSHIP  What is in the ports outlives it.
// SECRETS    Holds none: the signer does.
#pragma once
#include <array>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/config/settings.hpp"
#include "host/execute/fill.hpp"
#include "host/execute/lenders.hpp"
#include "host/execute/operation_line.hpp"
#include "host/execute/prepared_cache.hpp"
#include "host/execute/simulation.hpp"
#include "host/ledger/chain_view.hpp"
#include "host/ledger/ledger.hpp"
#include "host/ledger/reconcile.hpp"
#include "host/live/signed_pending.hpp"
#include "host/plan/plan.hpp"
#include "host/provider/providers.hpp"
#include "host/risk/book.hpp"
#include "host/risk/profit_limits.hpp"
#include "host/sign/signer.hpp"
#include "host/street/histogram.hpp"
#include "host/submit/fees.hpp"
#include "host/submit/submitter.hpp"

namespace gantry::host {

// What the plan node hands over. Made by order_of().
struct TradeOrder {
  std::uint64_t group = 0;
  std::uint64_t key = 0;
  std::uint32_t lane = 0;
  std::string strategy;
  std::shared_ptr<const TradeRoute> route;
  std::optional<Hash32> behind;  // the pending transaction that it was quoted right behind of
  std::vector<ledger::Leg> legs;
  u256 amount_in;
  u256 amount_out;
  u256 least_out;  // of the last legs; all above what goes in and comes back is costs
  // The gain before costs, and what it is worth; of a trade that ends in another token, what comes
  // out.
  u256 value_token;
  u256 value_wei;
  u256 stake_wei;           // what goes in is worth so much
  u256 cost_wei;            // that it is judged by
  ProfitLimits limits;      // that it has passed, and has to with a loan
  bool closes = false;      // a position, or a part of one
  std::uint64_t gas = 0;    // of the trade, without a loan
  u256 data_fee;            // wei
  std::uint64_t block = 0;  // whose state it was planned on
  std::uint64_t opportunity_block = 0;
  std::uint64_t execution_block = 0;
  std::uint64_t execution_time_s = 0;               // of that block, as it is expected
  u256 base_fee;                                    // wei per gas, of the block it was planned on
  std::uint64_t pool_states = 0;                    // a hash of the states of the route's pools
  std::uint64_t ether_usd_e6 = 0;                   // the coin's price then; 0: none
  TradeScopes scopes;                               // that its result counts in
  std::chrono::steady_clock::time_point arrived{};  // the block's bytes
};
// Of a plan that has a route.
TradeOrder order_of(const MarketView& view, const Plan& plan, std::uint64_t group,
                    const std::string& strategy);

// The trade's pools pay something else than was quoted; without a reason: perhaps they do.
struct Mismatch {
  std::vector<gantry_address> pools;
  std::string reason;
};

struct ExecutionPorts {
  Providers& providers;
  ledger::Ledger& ledger;
  sign::Signer& signer;  // [any thread]
  RiskBook& book;
  // Sends signed bytes; whether they still may leave is asked after whatever they wait for.
  std::function<SubmitReport(const Outgoing& outgoing, const MayLeave& may_leave)> submit;
  std::function<void(Mismatch)> on_mismatch;  // [its own threads]
  // In place of `submit` where trades leave as user operations; else null.
  std::unique_ptr<OperationLine> operations = nullptr;
  // A pending transaction, whole; fails with the reason why nothing can be sent behind it. Null:
  // nobody listens to them.
  std::function<Result<SignedPending>(const Hash32&)> pending = nullptr;
};

// How long trades took, those that came so far.
enum class ExecutionStep : std::int32_t {
  build = 0,       // an order to calldata: who lends, fees, the run
  sign = 1,        // alone
  to_signed = 2,   // from the arrival of the block's bytes
  simulate = 3,    // beside signing and writing
  to_sent = 4,     // from the arrival to somebody having it
  to_planned = 5,  // from the arrival to an order
};
inline constexpr std::size_t execution_steps = 6;
std::string_view to_string(ExecutionStep step);

class Execution {
 public:
  static constexpr std::size_t orders_max = 64;  // that wait; more are refused as busy

  // Looks at the executor's contract and at all that an earlier run left open, and begins. Fails
  // with `configuration`: no executor, or not this account's; else as the ledger and the providers.
  static Result<std::unique_ptr<Execution>> start(const ChainSettings& chain,
                                                  const WalletSettings& wallet,
                                                  ExecutionPorts ports);
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution();

  // Never waits for anybody. What cannot be taken is a fill at once. Where nothing is under way and
  // the key is of this process, it is built and signed before this returns, so that no thread has
  // to be woken for that.
  void offer(TradeOrder order);
  // One that never became an order.
  void refuse(Fill fill);
  // Those since the last call, in the order in which they were known.
  std::vector<Fill> take_fills();
  // The newest prices: of the chain's coin, and of tokens that an earlier run won.
  void note_prices(const MarketView& view);
  // Nothing more leaves when it returns; what is under way is found again at the next start.
  void stop();

  void tell(boost::json::object& told) const;
  Histogram times(ExecutionStep step) const;
  // One line: each step's median and 99th percentile.
  std::string times_text() const;

 private:
  // A trade that may be in a block some day.
  struct Flight {
    TradeOrder order;
    u256 gain;                  // that was planned, after the loan
    bool own_funds = false;     // it begins with what the executor holds
    std::uint64_t sent_at = 0;  // the head when its bytes last left
  };
  struct Signed {
    std::vector<std::uint8_t> bytes;
    Hash32 hash{};
  };
  // All that is decided before anything is signed.
  struct Prepared {
    Funding funding;
    executor::Bytes run;  // calldata of the executor
    u256 gain;            // of the first token, after the loan: what the simulation has to say
    u256 least_gain;
    u256 gain_wei;                  // what the gain is worth
    std::uint64_t gas = 0;          // that it is expected to take
    std::string key;                // in prepared_
    sign::Transaction transaction;  // but for its nonce
  };
  using Refusal = std::pair<FillReason, std::string>;
  // A transaction that has its nonce, and perhaps its signature.
  struct Begun {
    Prepared prepared;
    ledger::Reservation nonce;
    std::optional<Result<Signed>> bytes;
  };
  // What a trade is right behind of; of others nothing.
  using Theirs = std::optional<SignedPending>;
  struct Waiting {
    TradeOrder order;
    std::optional<Begun> begun;
  };

  Execution(const ChainSettings& chain, const WalletSettings& wallet, ExecutionPorts ports);
  Status check_executor();
  Status remember_told();
  void read_usual_tokens();
  Status tell_untold();
  Status tell_positions();
  void note_earlier(const ledger::StoredIntent& intent);
  Status reconcile_once();

  // Of the orders' thread, in carry_out.cpp.
  void take_orders();
  void carry_out(Waiting waiting);
  std::expected<void, Refusal> may_begin(const TradeOrder& order) const;
  std::expected<Theirs, Refusal> theirs_of(const TradeOrder& order) const;
  // No block is left that the order is good for.
  bool is_over(const TradeOrder& order) const;
  // Why it may not leave any more; nothing: it may.
  std::optional<Refusal> kept_back(const TradeOrder& order) const;
  // The transaction and its nonce; signed, too, where `and_sign`.
  std::expected<Begun, Refusal> begin(const TradeOrder& order, bool and_sign);
  bool may_begin_at_once(const TradeOrder& order) const;
  std::uint64_t last_block_of(const TradeOrder& order) const;
  std::expected<Funding, Refusal> fund(const TradeOrder& order, const u256& gas_price);
  std::expected<Prepared, Refusal> prepare(const TradeOrder& order);
  // The same, as far as it is money: what it has to gain, and the fees and gas that this pays for.
  std::expected<Prepared, Refusal> reckon_costs(const TradeOrder& order, Fees& fees);
  std::expected<executor::Bytes, Refusal> run_for(const TradeOrder& order, Prepared& prepared);
  Result<Signed> sign(const sign::Transaction& transaction);
  Result<Signed> sign_for(const TradeOrder& order, const sign::Transaction& transaction);
  ledger::Intent intent_of(const TradeOrder& order, const Prepared& prepared,
                           const Hash32& hash) const;
  void send(const TradeOrder& order, const Prepared& prepared, ledger::AttemptId id,
            const Signed& bytes, const Theirs& theirs);
  // `prepared` and `theirs` last until it is ready.
  std::future<Simulation> begin_simulation(const TradeOrder& order, const Prepared& prepared,
                                           const Theirs& theirs);
  // As the ledger names it; and whether that is of one that is behind another's.
  std::string destination_of(const TradeOrder& order) const;
  static bool is_behind(const ledger::Attempt& attempt);
  std::expected<void, Refusal> judge(const Simulation& simulation, const TradeOrder& order,
                                     const Prepared& prepared);
  void withdraw(ledger::IntentId id, const std::string& why);
  void give_up(ledger::IntentId id, const TradeOrder& order, FillReason reason,
               const std::string& why);
  // It ends, or the total or the chain, or one of these scopes, is HALTED, or would be if the risk
  // book were told what is known already: it is told with the next group, perhaps a block away.
  bool is_stopped() const;
  bool is_stopped_for(const TradeScopes& scopes) const;
  bool touches_flight(const TradeRoute& route) const;
  void end(const TradeOrder& order, FillReason reason, const std::string& why);

  // The same for user operations, in carry_operation.cpp; the last four are the following thread's.
  struct Leaving;
  Status check_account();
  void carry_operation(const TradeOrder& order);
  std::expected<sign::UserOperation, Refusal> operation_of(const Prepared& prepared,
                                                           Deadline deadline) const;
  Status write_operation(const SignedOperation& operation, Leaving& leaving);
  void end_operation(const SendReport& report, const Leaving& leaving);
  SenderHooks operation_hooks(std::function<Status(const SignedOperation&)> write,
                              MayLeave may_leave);
  // Why no operation may leave now; empty: one may.
  std::string operation_under_way() const;
  SubmitReport send_operation_again(const ledger::Attempt& attempt) const;
  Status cancel_operation(const ledger::StoredIntent& intent, Fees fees);
  void probe_paymasters(const Head& head);
  std::string why_operation_reverted(const ledger::Attempt& attempt,
                                     const ledger::Receipt& receipt) const;

  // Of the following thread, in confirm.cpp.
  void follow_chain();
  void look(const Head& head);
  ledger::ReconcileOptions reconcile_options() const;
  std::uint64_t cancellation_gas() const;
  void read_lenders(const Head& head);
  void act(const ledger::Reconciled& what, const Head& head);
  void reckon();
  Result<bool> realise(const ledger::StoredResult& result);
  // Of an exchange that succeeded: what it won, and what it changed for what. false: as above.
  Result<bool> reckon_exchange(const ledger::StoredIntent& intent, const u256& received,
                               const std::optional<Flight>& flight, ledger::Realised& realised);
  // Whether a trade between two tokens is what the ledger makes of it; mutex_ held.
  std::expected<void, Refusal> is_as_held(const TradeOrder& order,
                                          const gantry_address& token) const;
  u256 others_own(const TradeOrder& order, const gantry_address& token) const;  // mutex_ held
  static Result<Fill> fill_of(const ledger::StoredResult& result, const ledger::Realised& realised);
  // The same of an earlier run's trade, with the names that it counts in.
  Result<Fill> earlier_fill_of(const ledger::StoredResult& result) const;
  TradeScopes scopes_of(const Fill& fill) const;
  void take_back_all(const std::vector<ledger::IntentId>& ids, std::int64_t before);
  // " (...)", or nothing where nobody says.
  std::string why_reverted(const ledger::Attempt& attempt, const ledger::Receipt& receipt) const;
  std::string why_run_reverted(const executor::Bytes& run, std::uint64_t gas,
                               const ledger::Receipt& receipt) const;
  Result<Hash32> transaction_of(const ledger::StoredIntent& intent, const ledger::Attempt& attempt,
                                const ledger::Receipt& receipt) const;
  std::optional<ledger::SignedAmount> value_of(const std::string& token,
                                               const ledger::SignedAmount& amount,
                                               const std::optional<Flight>& flight);
  void send_again(const ledger::Reconciled& what, const Head& head);
  Status cancel(ledger::IntentId id, const Head& head);
  Status cancel_again(const ledger::StoredAttempt& attempt, const Head& head);
  Status send_cancellation(ledger::AttemptId id, const Hash32& hash, const Head& head,
                           const std::function<SubmitReport()>& submit);
  void conclude(ledger::IntentId id, Fill fill);
  void take_back(ledger::IntentId id, std::int64_t row);
  void push(Fill fill, const TradeScopes& scopes = {});
  void time(ExecutionStep step, std::chrono::steady_clock::time_point since);

  const ChainSettings chain_;
  const ExecutionSettings settings_;
  const WalletSettings wallet_;
  ExecutionPorts ports_;
  const std::uint64_t chain_id_;
  const ledger::Lane lane_;
  std::unique_ptr<ledger::ChainView> view_;  // the following thread's
  std::mutex signing_;                       // guards the signer
  PreparedCache prepared_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable moved_;
  std::condition_variable ordered_;
  std::deque<Waiting> orders_;
  bool carrying_ = false;   // one that is not in orders_ any more
  std::string being_sent_;  // the key of its intent, from before that is written until it was sent
  std::map<ledger::IntentId, Flight> flights_;
  std::map<ledger::IntentId, Fill> told_;                   // the last that was told of each
  std::map<ledger::IntentId, std::uint64_t> cancelled_at_;  // the head when that was last tried
  std::optional<ledger::AttemptId> unsent_;  // a cancellation that a stop kept from leaving
  // Written by the following thread alone; nothing: it has to be read again.
  std::optional<Positions> held_;
  // Of earlier runs, between two tokens, of which it is not known what they brought.
  std::set<ledger::IntentId> earlier_exchanges_;
  std::vector<Fill> fills_;
  mutable std::vector<UntoldResult> untold_;  // of them, what the risk book was perhaps not told
  Lenders lenders_;
  bool stopping_ = false;
  std::uint64_t filled_ = 0;
  std::uint64_t failed_ = 0;
  std::map<FillReason, std::uint64_t> refused_;
  std::array<Histogram, execution_steps> times_;

  // The same thread's: in a block, and what they brought is not written down.
  std::set<ledger::IntentId> unreckoned_;
  // Tokens that an earlier run won and their prices: so much of it is worth so much of the coin.
  struct Worth {
    u256 token;
    u256 wei;
  };
  std::map<std::string, std::optional<Worth>> worth_;  // nullopt: asked for
  std::atomic<bool> wants_prices_{false};
  std::atomic<std::uint64_t> ether_usd_e6_{0};
  std::atomic<bool> has_prices_{false};  // that, and whatever was asked for, is of some snapshot
  std::thread orders_thread_;
  std::thread chain_thread_;
};

}  // namespace gantry::host
