#include "host/live/head_watch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "host/live/chain_blocks.hpp"
#include "host/live/chain_text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds pause_first{200};
constexpr milliseconds pause_max{10'000};
constexpr milliseconds answer_wait{5000};
constexpr milliseconds look{1000};  // how often it looks whether it is to end
// A node that says nothing for so long is taken for one that has forgotten the subscription.
constexpr milliseconds quiet_max{120'000};

// One by one: not every node takes a batch here.
constexpr std::string_view chain_request =
    R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]})";
constexpr std::string_view heads_request =
    R"({"jsonrpc":"2.0","id":2,"method":"eth_subscribe","params":["newHeads"]})";

boost::json::value parse(const std::string& text) {
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = rpc_depth_max;
  boost::json::value value = boost::json::parse(text, error, {}, options);
  return error ? boost::json::value() : value;
}

}  // namespace

HeadWatch::HeadWatch(std::string chain, Providers& providers, std::function<void(bool)> on_change)
    : chain_(std::move(chain)), providers_(providers), on_change_(std::move(on_change)) {
  thread_ = std::thread([this, name = log_chain()] {
    const LogChain named(name);
    run();
  });
}

HeadWatch::~HeadWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (socket_) socket_->close();
  }
  moved_.notify_all();
  thread_.join();
}

void HeadWatch::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  moved_.wait_for(lock, time, [&] { return stopped_; });
}

bool HeadWatch::keep(std::unique_ptr<WebSocket> socket) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  socket_ = std::move(socket);
  return true;
}

void HeadWatch::run() {
  const auto stopped = [&] {
    const std::lock_guard lock(mutex_);
    return stopped_;
  };
  milliseconds wait = pause_first;
  while (!stopped()) {
    bool listened = false;
    for (const WebSocketEndpoint& endpoint : providers_.websockets()) {
      if (stopped()) return;
      const auto ended = listen(endpoint);
      listened = listened || connected_.exchange(false);
      if (stopped()) return;
      on_change_(false);
      const std::string why = ended ? std::string("it ended") : ended.error().message;
      if (why != trouble_) {
        spdlog::warn("{}: no new heads from {}: {}; asking for them until it is back", chain_,
                     endpoint.provider, why);
        trouble_ = why;
      }
    }
    wait = listened ? pause_first : std::min(2 * wait, pause_max);
    pause(wait);
  }
}

// Until the connection ends.
Status HeadWatch::listen(const WebSocketEndpoint& endpoint) {
  auto made = connect_websocket(endpoint.url);
  if (!made) return std::unexpected(made.error());
  if (!keep(std::move(*made))) return {};
  struct LetGo {
    HeadWatch& watch;
    ~LetGo() {
      const std::lock_guard lock(watch.mutex_);
      watch.socket_.reset();
    }
  } const let_go{*this};
  for (const std::string_view request : {chain_request, heads_request}) {
    if (auto sent = socket_->send(request); !sent) return sent;
  }
  auto heard = std::chrono::steady_clock::now();
  while (true) {
    auto message = socket_->receive(look);
    if (!message) return std::unexpected(message.error());
    const auto now = std::chrono::steady_clock::now();
    if (!*message) {
      if (now - heard > (connected() ? quiet_max : answer_wait)) {
        return fail(ErrorKind::io, fmt::format("{} says nothing more", endpoint.provider));
      }
      continue;
    }
    heard = now;
    if (auto taken = take(**message, endpoint.provider); !taken) return taken;
  }
}

Status HeadWatch::take(const std::string& message, const std::string& provider) {
  const boost::json::value value = parse(message);
  if (const auto* params = member(value, "params")) {
    const auto* head = member(*params, "result");
    if (head == nullptr) return {};
    const auto block = parse_block(*head);
    if (!block) return std::unexpected(block.error());
    providers_.note_head({block->number, block->hash, block->parent_hash,
                          static_cast<std::int64_t>(block->time_s), provider});
    on_change_(connected());
    return {};
  }
  const auto* id = member(value, "id");
  const auto* result = member(value, "result");
  if (id == nullptr || result == nullptr || !id->is_number()) {
    return fail(ErrorKind::format, fmt::format("{} refuses the subscription, or says what is no "
                                               "JSON-RPC",
                                               provider));
  }
  if (id->to_number<double>() != 1) {
    connected_ = true;
    if (!trouble_.empty()) spdlog::info("{}: new heads come from {} again", chain_, provider);
    trouble_.clear();
    return {};
  }
  const auto number = quantity(*result);
  if (number && chain_ == fmt::format("eip155:{}", *number)) return {};
  return fail(ErrorKind::configuration,
              fmt::format("{} is of chain {}, not of {}: correct its URL", provider,
                          number ? fmt::to_string(*number) : "no number", chain_));
}

}  // namespace gantry::host
