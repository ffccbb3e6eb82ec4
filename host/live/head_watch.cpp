#include "host/live/head_watch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "host/log/log.hpp"
#include "host/ports/http.hpp"

namespace gantry::host {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds answer_wait{5000};  // for the chain and the subscription
constexpr milliseconds look{1000};         // how often it looks whether anything is to be done
constexpr milliseconds behind_least{5000};
constexpr double behind_blocks = 3;

}  // namespace

HeadWatch::HeadWatch(const ChainSettings& chain, Providers& providers,
                     std::function<void(bool)> on_change, HeadWatchOptions options)
    : chain_(chain.id),
      providers_(providers),
      on_change_(std::move(on_change)),
      options_(std::move(options)) {
  if (options_.behind_max == milliseconds(0)) {
    const milliseconds blocks(std::llround(behind_blocks * 1000 * chain.block_time_s));
    options_.behind_max = std::max(behind_least, blocks);
  }
  thread_ = std::jthread([this, name = log_chain()](const std::stop_token& stop) {
    const LogChain named(name);
    run(stop);
  });
}

HeadWatch::~HeadWatch() = default;

void HeadWatch::run(const std::stop_token& stop) {
  options_.socket.stop = stop;
  while (!stop.stop_requested()) {
    const Time next = improve(stop);
    if (!source_) {
      std::unique_lock lock(mutex_);
      stopped_.wait_until(lock, stop, std::min(next, Steady::now() + look), [] { return false; });
      continue;
    }
    const auto heard = listen(*source_, look);
    if (stop.stop_requested()) return;
    if (heard) continue;
    const std::string provider = source_->endpoint.provider;
    source_.reset();
    connected_ = false;
    on_change_(false);
    failed(provider, heard.error());
  }
}

// Connects to the first that is due, as long as it comes before the one that is listened to.
// Returns when there is to be another attempt.
HeadWatch::Time HeadWatch::improve(const std::stop_token& stop) {
  Time next = Time::max();
  for (const WebSocketEndpoint& endpoint : providers_.websockets()) {
    if (source_ && source_->endpoint.provider == endpoint.provider) break;
    const Time due = reconnects_.due(endpoint.provider);
    if (due > Steady::now()) {
      next = std::min(next, due);
      continue;
    }
    // Nobody is listened to while it is tried.
    on_change_(false);
    const auto opened = open(endpoint);
    if (opened || stop.stop_requested()) break;
    failed(endpoint.provider, opened.error());
    next = std::min(next, reconnects_.due(endpoint.provider));
  }
  return next;
}

std::expected<void, HeadWatch::Failure> HeadWatch::open(const WebSocketEndpoint& endpoint) {
  auto made = connect_websocket(endpoint.url, options_.socket);
  if (!made) return std::unexpected(Failure{made.error().error.message, made.error().pause});
  Source source{endpoint, std::move(*made), subscription(), 0, {}};
  for (const std::string& request : Subscription::requests()) {
    if (auto sent = source.socket->send(request); !sent) {
      return std::unexpected(Failure{sent.error().message});
    }
  }
  const Time end = Steady::now() + std::min(answer_wait, options_.socket.deadline);
  while (!source.subscription.stands()) {
    const auto left = std::chrono::ceil<milliseconds>(end - Steady::now());
    if (left <= milliseconds(0)) {
      return std::unexpected(of(endpoint, "it does not answer the subscription"));
    }
    if (auto heard = listen(source, left); !heard) return heard;
  }
  source_ = std::move(source);
  connected_ = true;
  return {};
}

// One message, or none within `wait`.
std::expected<void, HeadWatch::Failure> HeadWatch::listen(Source& source, milliseconds wait) {
  const auto message = source.socket->receive(wait);
  if (!message) return std::unexpected(Failure{message.error().message});
  if (*message) {
    const auto news = source.subscription.take(**message);
    if (!news) return std::unexpected(of(source.endpoint, news.error().message));
    if (auto taken = take(source, *news); !taken) return taken;
  }
  return look_behind(source, Steady::now());
}

std::expected<void, HeadWatch::Failure> HeadWatch::look_behind(Source& source, Time now) const {
  const auto newest = providers_.head();
  if (!source.subscription.stands() || !newest) return {};
  // Blocks from before the subscription are none of its.
  if (source.told == 0) source.told = newest->number;
  if (newest->number <= source.told) {
    source.behind_since.reset();
    return {};
  }
  if (!source.behind_since) source.behind_since = now;
  if (now - *source.behind_since < options_.behind_max) return {};
  return std::unexpected(
      of(source.endpoint, fmt::format("it tells of no new block, though the chain is at block "
                                      "{}: it has forgotten the subscription",
                                      newest->number)));
}

HeadWatch::Failure HeadWatch::of(const WebSocketEndpoint& endpoint, std::string_view what) {
  return {fmt::format("{}: {}", printable_origin(endpoint.url.written()), what)};
}

Subscription HeadWatch::subscription() const {
  return Subscription(
      chain_, options_.pending ? options_.pending->routers() : std::vector<gantry_address>());
}

std::expected<void, HeadWatch::Failure> HeadWatch::take(Source& source,
                                                        const Subscription::News& news) {
  if (news.head) take_head(source, *news.head);
  if (news.pending) options_.pending->tell(*news.pending);
  if (!news.no_pending.empty() && news.no_pending != no_pending_) {
    no_pending_ = news.no_pending;
    spdlog::warn("{}: no pending transactions from {}: it refuses the subscription: {}", chain_,
                 source.endpoint.provider, news.no_pending);
  }
  if (news.request.empty()) return {};
  const auto sent = source.socket->send(news.request);
  if (!sent) return std::unexpected(Failure{sent.error().message});
  return {};
}

void HeadWatch::take_head(Source& source, const ChainBlock& head) {
  const std::string& provider = source.endpoint.provider;
  source.told = std::max(source.told, head.number);
  providers_.note_head(
      {head.number, head.hash, head.parent_hash, static_cast<std::int64_t>(head.time_s), provider});
  if (troubles_.erase(provider) != 0 || (!troubles_.empty() && last_source_ != provider)) {
    spdlog::info("{}: new heads come from {}", chain_, provider);
  }
  last_source_ = provider;
  reconnects_.works(provider);
  on_change_(true);
}

void HeadWatch::failed(const std::string& provider, const Failure& failure) {
  const milliseconds pause = reconnects_.failed(provider, Steady::now(), failure.pause);
  std::string& told = troubles_[provider];
  if (told == failure.why) return;
  told = failure.why;
  const std::string meanwhile =
      source_ ? source_->endpoint.provider + " tells of them" : std::string("they are asked for");
  spdlog::warn("{}: no new heads from {}: {}; it is tried again in {} s, and {} meanwhile", chain_,
               provider, failure.why, static_cast<double>(pause.count()) / 1000, meanwhile);
}

}  // namespace gantry::host
