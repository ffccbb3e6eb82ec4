// What is known of a chain's providers, as data: for `doctor`, `status` and the log.
//
// SECRETS  None: a provider is its name, and scheme and host of its template.
#pragma once
#include <array>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::host {

// Why a request to a provider came to nothing. What a node says of a call is no failure.
enum class FailureCause : std::int32_t {
  resolve = 0,        // its host has no address
  refused = 1,        // no connection
  tls_handshake = 2,  // no common TLS, or what answers speaks none
  certificate = 3,    // a certificate that nobody vouches for, of another host, or expired
  timed_out = 4,      // no whole answer in the time of an attempt
  broken = 5,         // the connection ended in the middle
  too_long = 6,       // an answer above the bound
  status = 7,         // an HTTP status that is no answer, as 503
  key_refused = 8,    // HTTP 401 or 403
  limited = 9,        // HTTP 429, or a JSON-RPC error that says so
  garbage = 10,       // no JSON-RPC answer, or not what its method answers with
  wrong_ids = 11,     // JSON-RPC, but ids that are missing, twice or not ours
  node = 12,          // the node's own error (-32603), or it refused what another answered
  behind = 13,        // it does not have the block that was asked for, or not all of it yet
  wrong_chain = 14,   // it answers for another chain
};
inline constexpr std::size_t failure_causes = 15;
std::string_view to_string(FailureCause cause);

// Why an answer is not believed though it is one.
struct AnswerFault {
  FailureCause cause = FailureCause::garbage;
  std::string reason;  // one line, names nobody
};

enum class ProviderState : std::int32_t {
  unchecked = 0,    // has not shown its chain yet: not asked
  ready = 1,        // asked in its turn
  suspect = 2,      // its last request failed: asked after those that are ready
  limited = 3,      // has asked for a pause
  down = 4,         // failed its check too: not asked until it passes one
  wrong_chain = 5,  // another chain's endpoint: not asked until it passes a check
  behind = 6,       // some blocks late: asked after those that are ready
};
std::string_view to_string(ProviderState state);

struct ProviderStatistics {
  std::string name;
  std::string origin;  // as "https://eth-mainnet.g.alchemy.com"
  std::int64_t priority = 1;
  std::int64_t weight = 1;
  ProviderState state = ProviderState::unchecked;
  std::string reason;      // of a state that is not ready; of ready: the last failure, or empty
  std::string chain_told;  // as "eip155:1"; empty: not known
  std::optional<std::uint64_t> head;
  std::uint64_t lag_blocks = 0;  // behind the newest block known when it told its own
  bool by_hash = false;          // takes a block by hash (EIP-1898)
  bool websocket = false;        // a subscription can be opened
  // Of whole answers; 0: none yet. The quantiles are of the last 256.
  double latency_ewma_ms = 0;
  double latency_p50_ms = 0;
  double latency_p95_ms = 0;
  double latency_p99_ms = 0;
  std::uint64_t requests = 0;  // sent, checks too
  std::uint64_t answers = 0;
  std::uint64_t hedges = 0;      // requests because another provider was slow
  std::uint64_t hedges_won = 0;  // of them, those that answered first
  std::size_t in_flight = 0;
  std::int64_t limited_ms = 0;                           // of its pause, still to wait
  std::array<std::uint64_t, failure_causes> failures{};  // by cause

  std::uint64_t failures_total() const;
};

struct ChainStatistics {
  std::string chain;    // CAIP-2
  bool halted = false;  // no provider can be asked
  std::optional<std::uint64_t> head;
  std::uint64_t asked = 0;      // batches
  std::uint64_t answered = 0;   // batches
  std::uint64_t failovers = 0;  // batches that another than the first provider answered
  std::vector<ProviderStatistics> providers;  // in the order of the configuration
};

boost::json::object to_json(const ProviderStatistics& provider);
boost::json::object to_json(const ChainStatistics& chain);
// For people: "ready, 38 ms (p99 61 ms), 4,012 answers, 3 failures (timed_out 3)", and the same of
// each with its name in one line.
std::string line_of(const ProviderStatistics& provider);
std::string line_of(const ChainStatistics& chain);

// A change that an operator wants to hear of.
enum class ProviderEventKind : std::int32_t {
  ready = 1,        // shown its chain for the first time
  recovered = 2,    // was down, limited or of another chain
  limited = 3,      // pauses
  down = 4,         // with the reason
  wrong_chain = 5,  // with the chain it is of
  halted = 6,       // of the chain: nobody is left
  resumed = 7,      // of the chain: somebody is back
  behind = 8,       // with the blocks that it is late
  stumbled = 9,     // failed, and is asked again all the same; at most one each 30 s
};
struct ProviderEvent {
  ProviderEventKind kind = ProviderEventKind::ready;
  std::string provider;  // empty: of the chain
  std::string message;   // one line, whole
};
bool is_trouble(ProviderEventKind kind);

}  // namespace gantry::host
