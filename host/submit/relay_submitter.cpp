#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "host/base/text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/sign/message.hpp"
#include "host/submit/submitter.hpp"
#include "host/submit/words.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

constexpr std::uint64_t bundle_request_id = 1;
constexpr std::size_t relay_answer_bytes_max = 64U << 10U;
constexpr std::size_t relay_key_bytes = 32;
// A number at or above the group's order comes once in 2^128.
constexpr int relay_key_draws_max = 8;

// Where the answers of one bundle come in; shared with the pool's thread.
struct Replies {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<std::optional<HttpOutcome>> outcomes;
  std::size_t missing = 0;
};

std::string bundle_body(const Bundle& bundle) {
  json::array transactions;
  for (const auto& one : bundle.transactions) transactions.emplace_back(hex_text(one));
  json::object fields{{"txs", std::move(transactions)},
                      {"blockNumber", quantity_text(bundle.block)},
                      {"revertingTxHashes", json::array()}};
  if (bundle.time_min_s) fields["minTimestamp"] = *bundle.time_min_s;
  if (bundle.time_max_s) fields["maxTimestamp"] = *bundle.time_max_s;
  const RpcCall call{"eth_sendBundle", {std::move(fields)}};
  return encode_batch({&call, 1}, bundle_request_id);
}

// Empty: it may be sent.
std::string bundle_fault(const Bundle& bundle) {
  if (bundle.transactions.empty()) return "a bundle without transactions: nothing was sent";
  std::size_t bytes = 0;
  for (const auto& one : bundle.transactions) bytes += one.size();
  if (bundle.transactions.size() <= bundle_transactions_max && bytes <= bundle_bytes_max) return {};
  return fmt::format(
      "a bundle of {} transactions and {} bytes, where relays take {} and {}: "
      "nothing was sent",
      bundle.transactions.size(), bytes, bundle_transactions_max, bundle_bytes_max);
}

// What a status without an answer of JSON-RPC means. A gateway's error says nothing of what is
// behind it.
SubmitVerdict of_status(std::int64_t status) {
  constexpr std::int64_t request_timeout = 408;
  return status >= 300 && status < 500 && status != request_timeout ? SubmitVerdict::refused
                                                                    : SubmitVerdict::maybe;
}

RelayAnswer judge_relay(std::string name, const std::optional<HttpOutcome>& outcome) {
  RelayAnswer out{std::move(name), SubmitVerdict::maybe, {}};
  if (!outcome) {
    out.message = "no answer in time";
    return out;
  }
  if (!*outcome) {
    const HttpFailure& failure = outcome->error();
    out.verdict = failure.maybe_taken ? SubmitVerdict::maybe : SubmitVerdict::refused;
    out.message = said_line(failure.message);
    return out;
  }
  const HttpAnswer& answer = **outcome;
  constexpr std::int64_t too_many = 429;
  constexpr std::int64_t ok = 200;
  constexpr std::int64_t internal_error = -32603;
  const auto decoded = decode_batch(answer.body, bundle_request_id, 1);
  if (!decoded) {
    const bool fine = answer.status >= ok && answer.status < 300;
    out.verdict = of_status(answer.status);
    out.message = answer.status == too_many ? "HTTP 429: too many requests"
                  : fine                    ? said_line(decoded.error().message)
                                            : fmt::format("HTTP {}", answer.status);
    return out;
  }
  const RpcFailure* said = decoded->refused ? &*decoded->refused : nullptr;
  if (said == nullptr && !decoded->answers.front()) said = &decoded->answers.front().error();
  if (said != nullptr) {
    out.verdict = said->code == internal_error ? SubmitVerdict::maybe : SubmitVerdict::refused;
    out.message = fmt::format("'{}' ({})", said_line(said->message), said->code);
    return out;
  }
  // Relays differ in what they answer: {"bundleHash": ...} of a rule of their own, or null.
  const json::value& result = *decoded->answers.front();
  if (answer.status < ok || answer.status >= 300) {
    out.message = fmt::format("HTTP {}", answer.status);
  } else if (result.is_bool() && !result.get_bool()) {
    out.verdict = SubmitVerdict::refused;
    out.message = "answers with false";
  } else {
    out.verdict = SubmitVerdict::taken;
  }
  return out;
}

BundleReport summary_of(std::vector<RelayAnswer> answers) {
  BundleReport report;
  for (const RelayAnswer& one : answers) report.verdict = std::min(report.verdict, one.verdict);
  for (const RelayAnswer& one : answers) {
    if (one.verdict == report.verdict && report.verdict != SubmitVerdict::refused) {
      report.by.push_back(one.relay);
    }
    if (one.message.empty()) continue;
    report.message +=
        fmt::format("{}relay {}: {}", report.message.empty() ? "" : "; ", one.relay, one.message);
  }
  report.relays = std::move(answers);
  return report;
}

BundleReport unsent(std::string message) {
  BundleReport report;
  report.message = std::move(message);
  return report;
}

}  // namespace

Result<std::unique_ptr<sign::Signer>> make_relay_key(const Random& random) {
  auto curve = sign::Curve::make(random);
  if (!curve) return std::unexpected(std::move(curve.error()));
  sign::SecretBytes key(relay_key_bytes);
  for (int draw = 0; draw < relay_key_draws_max; ++draw) {
    if (auto drawn = random(key); !drawn) return std::unexpected(std::move(drawn.error()));
    if (curve->is_key(key)) return sign::make_local_signer(std::move(key), *std::move(curve));
  }
  return fail(ErrorKind::io, "the machine's random numbers are no key: they are not random");
}

Result<RelaySubmitter> RelaySubmitter::make(HttpPool& http, const ChainSettings& chain,
                                            const Environment& environment,
                                            std::unique_ptr<sign::Signer> key) {
  if (chain.relays.empty()) {
    return fail(
        ErrorKind::configuration,
        fmt::format("chain {} has no relays: add a [[chain.relay]] to gantry.toml", chain.id));
  }
  const Environment of_chain = with_chain(environment, chain.id);
  std::vector<Relay> relays;
  for (const RelaySettings& settings : chain.relays) {
    auto url = settings.url.resolve(of_chain);
    if (!url) {
      return fail(ErrorKind::configuration,
                  fmt::format("relay {}: {}", settings.name, url.error().message));
    }
    for (const std::string& variable : settings.url.variables()) {
      if (const auto value = of_chain(variable)) hide_from_logs({*value});
    }
    if (!is_private_url(url->reveal())) {
      return fail(ErrorKind::configuration,
                  fmt::format("relay {}: its url is neither https nor on this machine, so what is "
                              "sent there could be read on the way",
                              settings.name));
    }
    relays.push_back({settings.name, *std::move(url)});
  }
  return RelaySubmitter(http, std::move(relays), std::move(key));
}

BundleReport RelaySubmitter::submit(const Bundle& bundle,
                                    std::chrono::steady_clock::time_point deadline) {
  if (std::string fault = bundle_fault(bundle); !fault.empty()) return unsent(std::move(fault));
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return unsent("the deadline passed before the bundle was sent");
  const std::string body = bundle_body(bundle);
  const std::string message = sign::relay_message(body);
  const auto signature =
      key_->sign_message({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()});
  if (!signature)
    return unsent("the bundle is not signed: " + said_line(signature.error().message));
  HttpRequest request;
  request.method = "POST";
  request.headers = {{"content-type", "application/json"},
                     {"X-Flashbots-Signature", sign::relay_header(key_->address(), *signature)}};
  request.body = body;
  request.timeout_ms = left.count();
  request.answer_bytes_max = relay_answer_bytes_max;

  const auto replies = std::make_shared<Replies>();
  replies->outcomes.resize(relays_.size());
  replies->missing = relays_.size();
  std::vector<HttpPool::Id> sent;
  for (std::size_t i = 0; i < relays_.size(); ++i) {
    request.url = relays_[i].url;
    sent.push_back(http_.start(request, [replies, i](HttpOutcome outcome) {
      const std::lock_guard lock(replies->mutex);
      replies->outcomes[i] = std::move(outcome);
      --replies->missing;
      replies->came.notify_one();
    }));
  }
  std::vector<RelayAnswer> answers;
  {
    std::unique_lock lock(replies->mutex);
    replies->came.wait_until(lock, deadline, [&] { return replies->missing == 0; });
    for (std::size_t i = 0; i < relays_.size(); ++i) {
      answers.push_back(judge_relay(relays_[i].name, replies->outcomes[i]));
    }
  }
  for (std::size_t i = 0; i < relays_.size(); ++i) http_.cancel(sent[i]);
  return summary_of(std::move(answers));
}

SubmitReport BundleLine::submit(const Outgoing& outgoing, const MayLeave& may_leave) {
  const std::lock_guard lock(turn_);
  if (may_leave && !may_leave()) {
    return {SubmitVerdict::withheld, {}, "it may not leave any more"};
  }
  Bundle bundle;
  // Never in front of it: a transaction of somebody else's is the first.
  for (const auto& each : {outgoing.behind, outgoing.bytes}) {
    if (!each.empty()) bundle.transactions.emplace_back(each.begin(), each.end());
  }
  bundle.block = outgoing.block;
  return relays_.submit(bundle, std::chrono::steady_clock::now() + wait_);
}

}  // namespace gantry::host
