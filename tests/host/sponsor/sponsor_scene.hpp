// The three paymaster plugins, their services and a bundler on loopback, each of which can be told
// to fail at each of its steps.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "host/config/load.hpp"
#include "host/plugin/instances.hpp"
#include "host/sponsor/sender.hpp"
#include "support/http_server.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {

// How a service or the bundler fails.
enum class PayFault {
  none,
  refuses,  // a policy says no
  times_out,
  bad_json,
  wrong_entry_point,
  over_cap,  // grants more gas than anybody may pay for
  expired,   // its signature was valid until a while ago
  dry,       // no deposit is left
};
std::string_view to_string(PayFault fault);
inline constexpr PayFault pay_faults[] = {
    PayFault::refuses,  PayFault::times_out, PayFault::bad_json, PayFault::wrong_entry_point,
    PayFault::over_cap, PayFault::expired,   PayFault::dry};

// Where it fails: at the first answer, at the last one before the operation is sent, or when it is.
enum class PayStep { first, last, submission };

struct PayPlan {
  PayFault fault = PayFault::none;
  PayStep step = PayStep::first;
};

class SponsorScene {
 public:
  explicit SponsorScene(const std::vector<std::string>& paymasters = {"pimlico", "candide",
                                                                      "gelato"});
  ~SponsorScene();

  void plan(const std::string& paymaster, PayPlan plan);
  // An operation of a fixed account and nonce, sent within `ms`.
  host::SendReport send(std::int64_t ms = 2000);
  host::SponsorDesk& desk() { return *desk_; }
  host::SponsorOrder order(std::int64_t ms = 2000) const;

  // Whose sponsorship the operations carried that a bundler took, in order.
  std::vector<std::string> taken();
  // The operations' hashes that were taken, each once.
  std::set<std::string> hashes();
  // Requests that a service had, by paymaster.
  std::size_t requests(const std::string& paymaster);
  // Operations that were sent to a paymaster's own service; "": to the bundler.
  std::size_t sent_to(const std::string& paymaster);
  // Where the bundler listens.
  std::string bundler_url() const { return bundler_server_->url(); }
  std::size_t written() const { return written_; }
  const host::Configuration& configuration() const { return configuration_; }
  host::HttpPool& http() { return *http_; }
  const host::Environment& environment() const { return environment_; }
  bool refuse_to_write = false;
  std::function<bool()> may_leave;  // empty: it may

 private:
  HttpReply service(const std::string& paymaster, const HttpCall& call);
  HttpReply bundler(const std::string& paymaster, const HttpCall& call);

  std::mutex mutex_;  // guards what follows
  std::map<std::string, PayPlan> plans_;
  std::map<std::string, std::size_t> requests_;
  std::map<std::string, std::size_t> sent_;
  std::vector<std::string> taken_;
  std::set<std::string> hashes_;

  TemporaryFolder folder_;
  std::map<std::string, std::unique_ptr<HttpServer>> services_;
  std::unique_ptr<HttpServer> bundler_server_;
  host::Configuration configuration_;
  host::Plugins plugins_;
  std::unique_ptr<host::HttpPool> http_;
  host::SteadyClock clock_;
  host::Environment environment_;
  host::sign::EntryPoint entry_point_;
  std::unique_ptr<host::Bundler> bundler_;
  std::unique_ptr<host::SponsorDesk> desk_;
  gantry_context context_{};
  std::size_t written_ = 0;
};

}  // namespace gantry::test
