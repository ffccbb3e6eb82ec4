// Sends what is signed: to a chain's providers, where everybody sees it, or to relays of bundles.
//
// ERRORS   None: what became of it is the report. Its words, from whoever said them, are one
//          printable line without secrets.
// SOURCE   Relays: eth_sendBundle of Flashbots' JSON-RPC, which others speak too.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/config/settings.hpp"
#include "host/ports/http.hpp"
#include "host/ports/random.hpp"
#include "host/provider/providers.hpp"
#include "host/sign/signer.hpp"

namespace gantry::host {

enum class SubmitVerdict : std::int32_t {
  taken = 1,  // it waits to be included, as far as who took it tells
  maybe = 2,  // somebody may have it: look for it on the chain. "nonce too low" may be of this one
  refused = 3,   // nobody has it, as far as those say who were asked
  withheld = 4,  // it may not leave any more, and did not
};
std::string_view to_string(SubmitVerdict verdict);

// Whether something may still leave, asked right before it does; empty: it may.
using MayLeave = std::function<bool()>;

struct SubmitReport {
  SubmitVerdict verdict = SubmitVerdict::refused;
  std::vector<std::string> by;  // who took it; with `maybe`, who may have
  std::string message;          // what was said; empty where all was well
};

// ---- to the providers ---------------------------------------------------------------------------

// eth_sendRawTransaction. [any thread, several at once] Returns by the deadline.
SubmitReport submit_transaction(Providers& providers, std::span<const std::uint8_t> transaction,
                                std::chrono::milliseconds deadline, MayLeave may_leave = {});

// ---- to relays ----------------------------------------------------------------------------------

// Flashbots' own bounds, of one bundle.
inline constexpr std::size_t bundle_transactions_max = 100;
inline constexpr std::size_t bundle_bytes_max = 300'000;

struct Bundle {
  std::vector<std::vector<std::uint8_t>> transactions;  // signed, in the order they execute
  std::uint64_t block = 0;                              // the only one it may be in
  std::optional<std::uint64_t> time_min_s;              // and that block's time
  std::optional<std::uint64_t> time_max_s;
};

struct RelayAnswer {
  std::string relay;
  SubmitVerdict verdict = SubmitVerdict::refused;
  std::string message;  // empty: it took the bundle
};

struct BundleReport : SubmitReport {     // the best of the relays' verdicts
  std::vector<RelayAnswer> relays = {};  // in the order of the configuration
};

// A key for the relays' header, which proves nothing but that requests are of one sender: it holds
// nothing, and ends with the process. Never the account's own, which would tell who trades.
Result<std::unique_ptr<sign::Signer>> make_relay_key(const Random& random);

class RelaySubmitter {
 public:
  // The pool outlives it. Fails with `configuration`: no relay, a variable that is not set, or a
  // URL that is neither https nor on this machine.
  static Result<RelaySubmitter> make(HttpPool& http, const ChainSettings& chain,
                                     const Environment& environment,
                                     std::unique_ptr<sign::Signer> key);

  // eth_sendBundle, to all relays at once; no transaction of it may revert. Returns when each has
  // answered or the deadline has passed: one that hangs delays the report alone. A bundle may be
  // sent again: relays know it. [one thread at a time]
  BundleReport submit(const Bundle& bundle, std::chrono::steady_clock::time_point deadline);

 private:
  struct Relay {
    std::string name;
    Secret url;
  };
  RelaySubmitter(HttpPool& http, std::vector<Relay> relays, std::unique_ptr<sign::Signer> key)
      : http_(http), relays_(std::move(relays)), key_(std::move(key)) {}

  HttpPool& http_;
  std::vector<Relay> relays_;
  std::unique_ptr<sign::Signer> key_;
};

// What is to leave.
struct Outgoing {
  std::span<const std::uint8_t> bytes;  // signed
  std::uint64_t block = 0;              // it may be in, or a later one; of a bundle in it alone
  // Somebody else's signed transaction, that it has to be right behind of; empty: none. Only a
  // bundle can be that.
  std::span<const std::uint8_t> behind = {};
};

// Bundles of one transaction, or of two where it is behind another's, one after the other: a bundle
// waits until the one before it was answered, and may leave no more by then.
//
// THREADS  Any, several at once.
class BundleLine {
 public:
  // `wait`: for the relays' answers, of each bundle.
  BundleLine(RelaySubmitter relays, std::chrono::milliseconds wait)
      : relays_(std::move(relays)), wait_(wait) {}

  // Whether it may leave is asked when its turn has come.
  SubmitReport submit(const Outgoing& outgoing, const MayLeave& may_leave);

 private:
  std::mutex turn_;  // guards relays_
  RelaySubmitter relays_;
  const std::chrono::milliseconds wait_;
};

}  // namespace gantry::host
