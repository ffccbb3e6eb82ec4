// What gantry doctor says of the RPC providers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>
#include <optional>
#include <span>

#include "host/cli/doctor.hpp"
#include "host/cli/followed_chains.hpp"
#include "host/live/subscription.hpp"
#include "host/ports/http.hpp"
#include "host/ports/process_clock.hpp"
#include "host/ports/websocket.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/provider/providers.hpp"
#include "host/provider/remedy.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// More than one, so that the second sees what the others told in the first, and a latency is not
// that of the first connection alone.
constexpr int rounds = 3;
constexpr milliseconds round_max{10000};
constexpr milliseconds read_max{5000};    // for the reads of one provider
constexpr milliseconds answer_max{5000};  // of a WebSocket, once it is connected
constexpr milliseconds goodbye_max{1000};
constexpr const char* nobody = "0x0000000000000000000000000000000000000000";

std::string name_of(const RpcProviderSettings& provider) { return "provider " + provider.name; }

// What one chain's providers are asked by; the others have a row already.
struct Askable {
  std::vector<RpcProviderSettings> http;
  struct Socket {
    std::string name;
    Secret url;
  };
  std::vector<Socket> sockets;
  std::vector<std::string> unconfigured;  // each with what is not set
};

std::vector<std::string> unset_variables(const RpcProviderSettings& provider,
                                         const Environment& environment) {
  std::vector<std::string> unset;
  for (const std::string& name : provider.url.variables()) {
    const auto value = environment(name);
    if (!value || value->empty()) unset.push_back(name);
  }
  return unset;
}

// A row for whoever is not to be asked, and why; nullopt: `askable` has it.
std::optional<Check> sort_in(const Session& session, const ChainSettings& chain,
                             const RpcProviderSettings& provider, bool online, Askable& askable) {
  const auto starts = [](const std::string& url, auto... schemes) {
    return (url.starts_with(schemes) || ...);
  };
  const std::string name = name_of(provider);
  const Environment environment = with_chain(session.environment, chain.id);
  auto url = provider.url.resolve(environment);
  if (!url) {
    // Five are listed, and whoever has the keys of two runs with two.
    askable.unconfigured.push_back(fmt::format(
        "{} ({})", provider.name, fmt::join(unset_variables(provider, environment), ", ")));
    return std::nullopt;
  }
  const bool socket = starts(url->reveal(), "ws://", "wss://");
  if (!socket && !starts(url->reveal(), "http://", "https://")) {
    return Check{name, Verdict::bad,
                 fmt::format("{} stands for no URL: it has to begin with https://, http://, wss:// "
                             "or ws://",
                             mask_keys(provider.url.text()))};
  }
  if (socket) {
    askable.sockets.push_back({provider.name, *std::move(url)});
  } else {
    askable.http.push_back(provider);
  }
  if (online) return std::nullopt;
  return Check{name, Verdict::ok, fmt::format("of {}: not asked: use --online", chain.name)};
}

Check judged(const ProviderStatistics& provider, const std::string& chain) {
  Check check{"provider " + provider.name, Verdict::ok, {}, to_json(provider)};
  const std::string answers =
      fmt::format("{}: answers for {} in {:.1f} ms, block {}", provider.origin, chain,
                  provider.latency_p50_ms, provider.head.value_or(0));
  switch (provider.state) {
    case ProviderState::ready:
      check.detail = answers;
      break;
    case ProviderState::behind:
      check.verdict = Verdict::warning;
      check.detail =
          fmt::format("{}, which is {} behind", answers, counted(provider.lag_blocks, "block"));
      break;
    case ProviderState::limited:
      check.verdict = Verdict::warning;
      check.detail = fmt::format("{}: {}", provider.origin, provider.reason);
      break;
    case ProviderState::wrong_chain:
      check.verdict = Verdict::bad;
      check.detail = fmt::format("{}: {}: it is never used. Correct its url in gantry.toml",
                                 provider.origin, provider.reason);
      break;
    default: {
      const auto most = std::ranges::max_element(provider.failures) - provider.failures.begin();
      const std::string_view remedy = provider.failures_total() == 0
                                          ? std::string_view()
                                          : remedy_of(static_cast<FailureCause>(most));
      check.verdict = Verdict::bad;
      check.detail = fmt::format("{}: {}{}{}", provider.origin, provider.reason,
                                 remedy.empty() ? "" : ". ", remedy);
    }
  }
  return check;
}

// What every node answers.
std::vector<RpcCall> plain_reads(std::uint64_t head) {
  const std::string block = quantity_text(head);
  return {{"eth_call", {boost::json::object{{"to", nobody}, {"data", "0x"}}, "latest"}},
          {"eth_getLogs",
           {boost::json::object{{"address", nobody}, {"fromBlock", block}, {"toBlock", block}}}}};
}

// By which a trade behind a pending transaction is tried out: one empty block.
std::vector<RpcCall> block_simulation() {
  const boost::json::object block{{"calls", boost::json::array()}};
  return {{"eth_simulateV1",
           {boost::json::object{{"blockStateCalls", boost::json::array{block}}}, "latest"}}};
}

bool tries_behind_pending(const Configuration& configuration, const ChainSettings& chain) {
  return configuration.live.pending && chain.execution && chain.execution->send == SendKind::bundle;
}

// What it says to these, with nobody else to answer in its place. Empty: they are answered.
std::string refused_read(const ChainSettings& chain, const RpcProviderSettings& provider,
                         std::span<const RpcCall> calls, const ProviderPorts& ports) {
  ChainSettings alone = chain;
  alone.providers = {provider};
  ProviderOptions quiet;
  quiet.watch = false;
  quiet.on_event = [](const ProviderEvent&) {};
  const auto providers = Providers::make(alone, ports, quiet);
  if (!providers) return providers.error().message;
  (*providers)->check_now(round_max);
  RpcOptions options;
  options.deadline = read_max;
  options.hedge = false;
  const auto batch = (*providers)->ask(calls, options);
  if (!batch) return batch.error().message;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const RpcAnswer& answer = batch->answers[i];
    if (!answer) {
      return fmt::format("refuses {}: '{}' ({})", calls[i].method, answer.error().message,
                         answer.error().code);
    }
    if (answer->is_null()) return fmt::format("answers {} with nothing", calls[i].method);
  }
  return {};
}

// What a provider that answers refuses of what a run would ask it.
void check_reads(const Configuration& configuration, const ChainSettings& chain,
                 const RpcProviderSettings& provider, std::uint64_t head,
                 const ProviderPorts& ports, Check& check) {
  if (const auto refused = refused_read(chain, provider, plain_reads(head), ports);
      !refused.empty()) {
    check.verdict = Verdict::bad;
    check.detail += fmt::format(
        "; but it {}: it can serve no reads. See what its plan allows, or its url", refused);
    return;
  }
  if (!tries_behind_pending(configuration, chain)) return;
  if (const auto refused = refused_read(chain, provider, block_simulation(), ports);
      !refused.empty()) {
    check.verdict = std::max(check.verdict, Verdict::warning);
    check.detail += fmt::format(
        "; but it {}: no trade behind a pending transaction is simulated by it. Use a node that "
        "has "
        "it, such as geth from 1.14.9 on",
        refused);
  }
}

// Rows of those that are asked over HTTP, in their order. False: none of them can be asked.
bool ask_http(const Session& session, const Configuration& configuration,
              const ChainSettings& chain, const std::vector<RpcProviderSettings>& askable,
              HttpPool& http, Checks& checks) {
  const ProviderPorts ports{http, process_clock(), session.environment};
  ChainSettings asked = chain;
  asked.providers = askable;
  ProviderOptions options;
  options.watch = false;
  options.on_event = [](const ProviderEvent&) {};  // the rows say it
  auto providers = Providers::make(asked, ports, options);
  if (!providers) {
    checks.push_back({"providers of " + chain.id, Verdict::bad, providers.error().message});
    return true;  // that says it all
  }
  for (int round = 0; round < rounds; ++round) (*providers)->check_now(round_max);
  const ChainStatistics statistics = (*providers)->statistics();
  for (std::size_t i = 0; i < statistics.providers.size(); ++i) {
    const ProviderStatistics& provider = statistics.providers[i];
    Check check = judged(provider, chain.id);
    if (provider.state == ProviderState::ready || provider.state == ProviderState::behind) {
      check_reads(configuration, chain, askable[i], provider.head.value_or(0), ports, check);
    }
    checks.push_back(std::move(check));
  }
  return !statistics.halted;
}

// The subscription's answers, or why there are none; the connection stands when they have come.
Status hear_out(WebSocket& socket, Subscription& subscription) {
  for (const std::string& request : Subscription::requests()) {
    if (auto sent = socket.send(request); !sent) return sent;
  }
  const auto end = Steady::now() + answer_max;
  while (!subscription.stands()) {
    const auto left = std::chrono::ceil<milliseconds>(end - Steady::now());
    if (left <= milliseconds(0)) {
      return fail(ErrorKind::io, "it does not answer the subscription");
    }
    const auto message = socket.receive(left);
    if (!message) return std::unexpected(message.error());
    if (!*message) continue;
    if (const auto news = subscription.take(**message); !news) return std::unexpected(news.error());
  }
  return {};
}

// So that the node forgets it before the connection goes; whatever it says to that.
void take_leave(WebSocket& socket, const Subscription& subscription) {
  if (!socket.send(subscription.goodbye())) return;
  const auto end = Steady::now() + goodbye_max;
  for (auto left = goodbye_max; left > milliseconds(0);
       left = std::chrono::ceil<milliseconds>(end - Steady::now())) {
    const auto message = socket.receive(left);
    if (!message || (*message && Subscription::is_goodbye(**message))) return;
  }
}

Check ask_socket(const ChainSettings& chain, const Askable::Socket& asked) {
  const std::string origin = printable_origin(asked.url.written());
  Check check{"provider " + asked.name, Verdict::bad, {}, {}};
  check.facts = {{"name", asked.name}, {"origin", origin}, {"websocket", true}};
  const auto begin = Steady::now();
  const auto took_ms = [&] {
    return std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
  };
  const auto bad = [&](std::string detail) {
    check.facts["state"] = "down";
    check.detail = std::move(detail);
    return std::move(check);
  };
  // An error of the port has the origin in it already.
  const auto named = [&](const std::string& message) {
    return message.starts_with(origin) ? message : fmt::format("{}: {}", origin, message);
  };
  auto socket = connect_websocket(asked.url);
  if (!socket) return bad(named(socket.error().error.message));
  check.facts["connect_ms"] = took_ms();
  Subscription subscription(chain.id);
  if (const auto heard = hear_out(**socket, subscription); !heard) {
    return bad(named(heard.error().message));
  }
  const double all_ms = took_ms();
  take_leave(**socket, subscription);
  check.verdict = Verdict::ok;
  check.facts["state"] = "ready";
  check.facts["chain"] = chain.id;
  check.facts["subscribe_ms"] = all_ms;
  check.detail = fmt::format("{}: takes a subscription to new heads of {}, in {:.1f} ms", origin,
                             chain.id, all_ms);
  return check;
}

// All at once: who hangs holds up nobody else.
void ask_sockets(const ChainSettings& chain, const std::vector<Askable::Socket>& sockets,
                 Checks& checks) {
  std::vector<std::future<Check>> asked;
  for (const Askable::Socket& socket : sockets) {
    asked.push_back(std::async(std::launch::async, [&] { return ask_socket(chain, socket); }));
  }
  for (std::future<Check>& check : asked) checks.push_back(check.get());
}

// Whether there is anything to follow for a run that is live, and what it would leave out.
void check_followed(const Session& session, const Configuration& configuration, Checks& checks) {
  if (!has_live_chain(configuration)) return;
  const bool live = configuration.market.recording.empty();
  const auto followed = followed_chains(configuration, session.environment, {});
  if (!followed) {
    checks.push_back(
        {"live chains", live ? Verdict::bad : Verdict::warning, followed.error().message});
    return;
  }
  std::vector<std::string> names;
  for (const ChainSettings* chain : followed->chains) names.push_back(chain->name);
  checks.push_back({"live chains", Verdict::ok,
                    fmt::format("{}: a provider of each is configured", fmt::join(names, ", "))});
  for (const std::string& line : followed->left_out) {
    checks.push_back({"live chains", Verdict::warning, line});
  }
}

}  // namespace

void check_providers(const Session& session, const Configuration& configuration, bool online,
                     Checks& checks) {
  check_followed(session, configuration, checks);
  const Verdict unusable = configuration.market.recording.empty() ? Verdict::bad : Verdict::warning;
  std::unique_ptr<HttpPool> http;
  for (const ChainSettings& chain : configuration.chains) {
    if (chain.providers.empty()) {
      checks.push_back({"providers of " + chain.id, Verdict::ok, "none: recorded markets only"});
      continue;
    }
    if (!chain.enabled) {
      checks.push_back({"providers of " + chain.id, Verdict::ok,
                        "not asked, for the chain has enabled = false"});
      continue;
    }
    Askable askable;
    for (const RpcProviderSettings& provider : chain.providers) {
      if (auto check = sort_in(session, chain, provider, online, askable)) {
        checks.push_back(*std::move(check));
      }
    }
    if (!askable.unconfigured.empty()) {
      checks.push_back({"providers of " + chain.id, Verdict::warning,
                        fmt::format("not configured, for these are not set: {}",
                                    fmt::join(askable.unconfigured, ", "))});
    }
    if (!askable.sockets.empty() && askable.http.empty()) {
      checks.push_back({"chain " + chain.id, unusable,
                        "no provider of it can be asked, for a WebSocket tells of new blocks and "
                        "answers no reads: configure one with https:// or http:// beside it"});
    }
    if (!online) continue;
    ask_sockets(chain, askable.sockets, checks);
    if (askable.http.empty()) continue;
    if (http == nullptr) {
      auto made = make_curl_http_pool();
      if (!made) {
        checks.push_back({"providers", Verdict::bad, made.error().message});
        return;
      }
      http = *std::move(made);
    }
    if (!ask_http(session, configuration, chain, askable.http, *http, checks)) {
      checks.push_back({"chain " + chain.id, Verdict::bad,
                        "HALTED: no provider can be asked, so it cannot run live"});
    }
  }
}

}  // namespace gantry::host::cli
