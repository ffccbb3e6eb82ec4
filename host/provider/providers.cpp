#include "host/provider/providers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "host/log/log.hpp"
#include "host/provider/ask.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/provider/watch.hpp"

namespace gantry::host {
namespace provider {
namespace {

bool is_http(const std::string& url) {
  return url.starts_with("http://") || url.starts_with("https://");
}
bool is_websocket(const std::string& url) {
  return url.starts_with("ws://") || url.starts_with("wss://");
}

// The secret, after what its variables stand for was kept out of the log.
Result<Secret> resolve(const TemplatedUrl& url, const Environment& environment) {
  auto secret = url.resolve(environment);
  if (!secret) return secret;
  std::vector<std::string> values;
  for (const std::string& name : url.variables()) {
    if (auto value = environment(name)) values.push_back(*std::move(value));
  }
  hide_from_logs(values);
  return secret;
}

Result<Endpoint> endpoint_of(const RpcProviderSettings& settings, const Environment& environment,
                             bool watch, Time now) {
  Endpoint endpoint(settings, HealthTimes{}, watch ? now : Time::max());
  endpoint.origin = printable_origin(settings.url.text());
  auto url = resolve(settings.url, environment);
  if (!url) {
    // Five are configured, and whoever has the keys of two runs with two.
    endpoint.unusable = std::move(url.error().message);
    if (endpoint.unusable.ends_with('.')) endpoint.unusable.pop_back();
    return endpoint;
  }
  if (is_http(url->reveal())) {
    endpoint.url = *std::move(url);
  } else if (is_websocket(url->reveal())) {
    endpoint.websocket = *std::move(url);
  } else {
    return fail(ErrorKind::configuration,
                fmt::format("provider {}: {} stands for no URL: it has to begin with https://, "
                            "http://, wss:// or ws://",
                            settings.name, mask_keys(settings.url.text())));
  }
  return endpoint;
}

void log_event(const ProviderEvent& event) {
  if (is_trouble(event.kind)) {
    spdlog::warn("{}", event.message);
  } else {
    spdlog::info("{}", event.message);
  }
}

class CheckedProviders final : public Providers {
 public:
  CheckedProviders(std::shared_ptr<Board> board, HttpPool& http)
      : http_(http), board_(std::move(board)), watch_(board_, http_) {}
  ~CheckedProviders() override {
    board_->close();
    stop();
  }

  std::expected<RpcBatch, RpcError> ask(std::span<const RpcCall> calls,
                                        const RpcOptions& options) override {
    const Accept accept = [&](std::size_t index, std::span<const RpcAnswer> answers,
                              const std::string& name) {
      learn_heads(index, calls, answers, name);
      return std::string();
    };
    return provider::ask(context(), calls, options, accept);
  }

  std::optional<Head> head() const override { return board_->head(); }

  std::expected<Head, RpcError> poll_head(milliseconds deadline) override {
    const RpcCall call{"eth_getBlockByNumber", {"latest", false}};
    const Accept accept = [&](std::size_t index, std::span<const RpcAnswer> answers,
                              const std::string& name) -> std::string {
      const auto told = answers[0] ? head_of(*answers[0], name) : std::nullopt;
      if (!told) return "does not say its newest block";
      switch (board_->learn_head(index, *told)) {
        case HeadVerdict::accepted:
          return {};
        case HeadVerdict::behind:
          return fmt::format("its newest block is {}", told->number);
        default:
          return fmt::format("says block {}, far ahead of all others", told->number);
      }
    };
    const auto batch =
        provider::ask(context(), std::span(&call, 1), {.deadline = deadline}, accept);
    auto newest = board_->head();
    // That all others are behind it is no fault.
    if (!batch && (!newest || batch.error().kind != RpcErrorKind::no_block)) {
      return std::unexpected(batch.error());
    }
    return *std::move(newest);
  }

  void note_head(const Head& head) override { board_->note_head(head); }
  void doubt_head() override { board_->doubt_head(); }
  void refute(const std::string& provider, std::string reason) override {
    for (std::size_t i = 0; i < board_->size(); ++i) {
      if (board_->name(i) == provider) board_->refuted(i, reason);
    }
  }

  std::vector<WebSocketEndpoint> websockets() const override { return board_->websockets(); }

  void check_now(milliseconds wait) override {
    const Time until = board_->now() + wait;
    board_->request_checks(false);
    while (board_->now() < until) {
      const std::uint64_t seen = board_->changes();
      if (!board_->any_check() || !board_->wait_for_change(until, seen)) return;
    }
  }

  ChainStatistics statistics() const override { return board_->statistics(); }

  void stop() override {
    board_->stop();
    mailboxes_.stop();
  }

 private:
  AskContext context() { return {*board_, http_, mailboxes_, next_id_}; }

  // What was asked for anyway is also news of the newest block.
  void learn_heads(std::size_t index, std::span<const RpcCall> calls,
                   std::span<const RpcAnswer> answers, const std::string& name) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const auto& params = calls[i].params;
      if (calls[i].method != "eth_getBlockByNumber" || params.empty() || !answers[i]) continue;
      if (!params[0].is_string() || params[0].get_string() != "latest") continue;
      if (const auto head = head_of(*answers[i], name)) (void)board_->learn_head(index, *head);
    }
  }

  HttpPool& http_;
  const std::shared_ptr<Board> board_;
  Mailboxes mailboxes_;
  std::atomic<std::uint64_t> next_id_{1};
  Watch watch_;  // last: its thread ends first
};

}  // namespace
}  // namespace provider

std::string_view to_string(RpcErrorKind kind) {
  switch (kind) {
    case RpcErrorKind::halted:
      return "halted";
    case RpcErrorKind::unanswered:
      return "unanswered";
    case RpcErrorKind::no_block:
      return "no_block";
    case RpcErrorKind::unknown_outcome:
      return "unknown_outcome";
    case RpcErrorKind::usage:
      return "usage";
    case RpcErrorKind::stopped:
      return "stopped";
    case RpcErrorKind::withheld:
      return "withheld";
  }
  return "unknown";
}

Result<std::unique_ptr<Providers>> Providers::make(const ChainSettings& chain,
                                                   const ProviderPorts& ports,
                                                   ProviderOptions options) {
  if (!chain.id.starts_with("eip155:")) {
    return fail(ErrorKind::configuration,
                fmt::format("chain {}: only EVM chains (eip155) can be asked", chain.id));
  }
  if (chain.providers.empty()) {
    return fail(ErrorKind::configuration,
                fmt::format("chain {} has no providers: add a [[chain.provider]] to gantry.toml",
                            chain.id));
  }
  const Environment environment = with_chain(ports.environment, chain.id);
  std::vector<provider::Endpoint> endpoints;
  for (const RpcProviderSettings& settings : chain.providers) {
    auto endpoint = provider::endpoint_of(settings, environment, options.watch, ports.clock.now());
    if (!endpoint) return std::unexpected(std::move(endpoint.error()));
    endpoints.push_back(*std::move(endpoint));
  }
  if (std::ranges::all_of(endpoints, [](const auto& endpoint) { return endpoint.url.empty(); })) {
    std::string why;
    for (const auto& endpoint : endpoints) {
      why +=
          fmt::format(" {}: {}.", endpoint.name,
                      endpoint.unusable.empty() ? "takes subscriptions only" : endpoint.unusable);
    }
    return fail(ErrorKind::configuration,
                fmt::format("none of the providers of chain {} can be asked.{}", chain.id, why));
  }
  if (!options.on_event) {
    options.on_event = [name = log_chain()](const ProviderEvent& event) {
      const LogChain named(name);
      provider::log_event(event);
    };
  }
  auto board = std::make_shared<provider::Board>(
      provider::Board::Options{chain.id, chain.block_time_s, std::move(options.on_event)},
      std::move(endpoints), ports.clock);
  return std::make_unique<provider::CheckedProviders>(std::move(board), ports.http);
}

}  // namespace gantry::host
