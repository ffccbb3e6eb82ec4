// A chain, some providers of it on loopback, and the object that asks them.
#pragma once
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host/provider/providers.hpp"
#include "support/rpc_server.hpp"

namespace gantry::test {

namespace gh = gantry::host;

// What the providers told, as the log would have it.
class Events {
 public:
  void add(const gh::ProviderEvent& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  std::vector<gh::ProviderEvent> all() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::size_t count(gh::ProviderEventKind kind, const std::string& provider) const {
    const auto events = all();
    return static_cast<std::size_t>(std::ranges::count_if(events, [&](const auto& event) {
      return event.kind == kind && event.provider == provider;
    }));
  }
  // The same, once there is any: a state is seen a moment before it is told.
  std::size_t count_told(gh::ProviderEventKind kind, const std::string& provider) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (count(kind, provider) == 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return count(kind, provider);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<gh::ProviderEvent> events_;
};

// Names are "a", "b" ... in the order of `servers`; all of priority 1 unless told otherwise.
class Street {
 public:
  explicit Street(std::size_t servers) {
    for (std::size_t i = 0; i < servers; ++i) add_server();
  }
  RpcServer& add_server(const std::string& certificate = {}) {
    servers_.push_back(std::make_unique<RpcServer>(chain, certificate));
    add(servers_.back()->url());
    return *servers_.back();
  }
  gh::RpcProviderSettings& add(const std::string& url) {
    gh::RpcProviderSettings one;
    one.name = std::string(1, static_cast<char>('a' + settings.providers.size()));
    one.url = gh::TemplatedUrl::parse(url).value();
    settings.providers.push_back(std::move(one));
    return settings.providers.back();
  }
  // In the order of the names.
  void by_priority() {
    std::int64_t priority = 0;
    for (auto& provider : settings.providers) provider.priority = ++priority;
  }
  RpcServer& server(std::size_t i) { return *servers_.at(i); }

  // Waits until every check has ended, so that what is known does not depend on who was faster.
  gh::Providers& start(gh::HttpPoolOptions pool = {}) {
    http = gh::make_curl_http_pool(pool).value();
    auto made = gh::Providers::make(
        settings, {*http, clock, environment},
        {.watch = true, .on_event = [this](const auto& event) { events.add(event); }});
    if (!made) FAIL(made.error().message);
    providers = *std::move(made);
    providers->check_now(std::chrono::seconds(30));
    return *providers;
  }

  gh::BlockPin pin() const { return {chain.head(), chain.hash(chain.head())}; }
  static gh::RpcCall call(const std::string& data) {
    return {"eth_call", {boost::json::object{{"to", "0x1"}, {"data", data}}}};
  }
  static gh::RpcCall call_latest(const std::string& data) {
    return {"eth_call", {boost::json::object{{"to", "0x1"}, {"data", data}}, "latest"}};
  }
  gh::ProviderStatistics stats(const std::string& name) const {
    for (auto& one : providers->statistics().providers) {
      if (one.name == name) return one;
    }
    throw std::runtime_error("no provider " + name);
  }

  RpcChain chain{1};
  gh::ChainSettings settings;
  gh::SteadyClock clock;
  gh::Environment environment = [](std::string_view) { return std::nullopt; };
  Events events;
  std::unique_ptr<gh::HttpPool> http;
  std::unique_ptr<gh::Providers> providers;  // ends before the port and the servers

 private:
  std::vector<std::unique_ptr<RpcServer>> servers_;
};

// Long enough for a machine that is busy; what is tested does not wait for it. Who is asked does
// not depend on who is fast.
inline const gh::RpcOptions patient{.deadline = std::chrono::milliseconds(20000), .hedge = false};

}  // namespace gantry::test
