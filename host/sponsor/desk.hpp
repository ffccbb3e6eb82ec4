// Who pays for a user operation: the paymasters are asked in turn, each through its own rounds,
// until one grants. What they say is merged here and nowhere else, and nothing of it is believed
// unchecked.
//
// THREADS    One thread at a time: a paymaster's instance is.
// OWNERSHIP  The pool, the clock and what the bundler needs outlive it; it shares the instances.
// SECRETS    Requests are sent with ${NAME} put in; what is told of one names its origin alone.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/config/secret.hpp"
#include "host/plugin/instances.hpp"
#include "host/ports/clock.hpp"
#include "host/sign/user_operation.hpp"
#include "host/sponsor/bundler.hpp"
#include "host/sponsor/service_health.hpp"

namespace gantry::host {

enum class SponsorVerdict : std::int32_t {
  granted = 1,
  refused = 2,        // it does not or cannot pay
  busy = 3,           // told to slow down, and not in time again
  our_fault = 4,      // the operation is bad: nobody else is asked
  no_answer = 5,      // of the service, in time
  garbage = 6,        // an answer that does not decode, or grants what cannot be
  over_cap = 7,       // more than its cap, or than the trade may cost
  not_allowed = 8,    // it would ask a host that it may not
  unsupported = 9,    // not for this chain or EntryPoint
  retired = 10,       // after too many failures, until a probe succeeds
  plugin_fault = 11,  // the plugin broke its contract
  no_estimate = 12,   // the bundler could not estimate with its stub
};
std::string_view to_string(SponsorVerdict verdict);

// One that was asked, and what came of it.
struct SponsorAttempt {
  std::string paymaster;
  SponsorVerdict verdict = SponsorVerdict::refused;
  std::uint32_t round = 0;
  std::int32_t code = 0;  // the service's own
  std::string message;    // one line, printable
};

// An operation that somebody pays for. It is not signed yet.
struct SponsoredOperation {
  sign::UserOperation operation;
  std::string paymaster;
  std::optional<HttpEndpoint> submit;  // where to send it; nullopt: to the configured bundler
  u256 cost_max;                       // wei that the sponsor may be charged
  std::uint64_t valid_until_s = 0;     // 0: not said
};

struct SponsorOrder {
  // With a stub signature (sign::stub_signature), and the fees that it would have. Limits that are
  // 0 are estimated: by the bundler, or by a service that grants in one call. Such a service's word
  // is of the block that was, and nothing can be added to it: where the call trades, give its
  // limit.
  sign::UserOperation operation;
  const gantry_context* context = nullptr;
  u256 cost_max;                        // wei: above it the trade is not worth it
  std::span<const std::string> except;  // not to be asked (again)
  Deadline deadline;
  std::uint64_t snapshot = 0;  // for strikes
};

struct SponsorResult {
  std::optional<SponsoredOperation> granted;  // nullopt: nobody
  std::vector<SponsorAttempt> attempts;       // in the order in which they were asked
};

struct DeskPorts {
  HttpPool& http;
  const Clock& clock;
  const Environment& environment;  // for ${NAME}, with ${CHAIN_ID}
};

class SponsorDesk {
 public:
  SponsorDesk(std::vector<std::shared_ptr<PaymasterInstance>> paymasters, DeskPorts ports,
              const Bundler& bundler);

  // Others from now on. One that stays keeps its record; those that went are let go of.
  void use(const std::vector<std::shared_ptr<PaymasterInstance>>& paymasters);
  // Asks until one grants, the operation is found bad, or the deadline passes.
  SponsorResult sponsor(const SponsorOrder& order);
  // What became of an operation that `paymaster` paid for.
  void included(std::string_view paymaster, const u256& gas_cost);
  void failed(std::string_view paymaster, std::string why);
  // Asks those that are retired whether they would sponsor `order` now; nothing is signed or sent.
  // To be called now and then.
  void probe(const SponsorOrder& order);

  struct Service {
    std::shared_ptr<PaymasterInstance> instance;
    ServiceHealth health;
  };
  std::span<const Service> services() const { return services_; }  // in the order of the file

 private:
  struct Asked;
  // `probe`: a stub is answer enough.
  SponsorAttempt ask(Service& service, const SponsorOrder& order, bool probe,
                     std::optional<SponsoredOperation>& granted);
  Service* find(std::string_view paymaster);

  std::vector<Service> services_;
  DeskPorts ports_;
  const Bundler& bundler_;
};

}  // namespace gantry::host
