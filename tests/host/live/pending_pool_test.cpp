// Hashes of pending transactions that providers do not know, and a pool that outlives them.
#include "host/live/pending_pool.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "host/cli/live_session.hpp"
#include "support/rpc_server.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;
using gantry::test::RpcChain;
using gantry::test::RpcFault;
using gantry::test::RpcServer;

namespace {

// Of a transaction that is known from that block on.
boost::json::value hash_of(std::uint64_t block, std::uint64_t number = 1) {
  return boost::json::value(fmt::format("0x{:056x}{:08x}", number, block));
}

// A session with a pool of pending transactions to the one account of the made-up chain.
struct PoolScene {
  PoolScene() : session(std::make_unique<cli::LiveSession>()) {
    settings.id = "eip155:1";
    settings.name = "test";
    RpcProviderSettings one;
    one.name = "http";
    one.url = TemplatedUrl::parse(server.url()).value();
    settings.providers.push_back(std::move(one));
    session->environment = [](std::string_view) { return std::nullopt; };
    session->http = make_curl_http_pool().value();
    session->providers =
        Providers::make(settings, {*session->http, session->clock, session->environment},
                        {.watch = false})
            .value();
    session->providers->check_now(20s);
    gantry_address router{};
    router.kind = GANTRY_ADDRESS_EVM;
    router.length = 20;
    std::fill_n(router.bytes, 20, std::uint8_t{0x11});
    session->pending = std::make_shared<PendingPool>(
        settings.id, std::vector<gantry_address>{router}, *session->providers);
    pool = session->pending;
    before = server.requests();
  }
  template <class Holds>
  static bool eventually(const Holds& holds) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(2ms);
    return holds();
  }
  std::uint64_t asked() const { return server.requests() - before; }

  RpcChain chain{1};
  RpcServer server{chain};
  ChainSettings settings;
  std::unique_ptr<cli::LiveSession> session;
  std::shared_ptr<PendingPool> pool;
  std::uint64_t before = 0;
};

}  // namespace

TEST_CASE("a hash that is not known is asked for once more, and dropped when it is not then") {
  PoolScene scene;
  scene.pool->tell(hash_of(scene.chain.head() + 1));
  REQUIRE(scene.eventually([&] { return scene.asked() == 1; }));
  std::this_thread::sleep_for(50ms);
  CHECK(scene.pool->counts().taken == 0);
  scene.chain.advance();
  REQUIRE(scene.eventually([&] { return scene.pool->counts().taken == 1; }));
  CHECK(scene.asked() == 2);
  CHECK(scene.pool->counts().dropped == 0);

  scene.pool->tell(hash_of(scene.chain.head() + 1'000));
  REQUIRE(scene.eventually([&] { return scene.pool->counts().dropped == 1; }));
  CHECK(scene.asked() == 4);
  // And never again, whoever tells of it.
  scene.pool->tell(hash_of(scene.chain.head() + 1'000));
  std::this_thread::sleep_for(3 * PendingPool::tick);
  CHECK(scene.asked() == 4);
  CHECK(scene.pool->counts().told == 2);
}

TEST_CASE("a session that ends while hashes wait asks for none of them, whoever holds the pool") {
  PoolScene scene;
  scene.server.fail(RpcFault::hang);
  const std::uint64_t far = scene.chain.head() + 1'000;
  for (std::uint64_t i = 0; i < 1'000; ++i) scene.pool->tell(hash_of(far, i));
  REQUIRE(scene.eventually([&] { return scene.asked() != 0; }));
  const auto begin = std::chrono::steady_clock::now();
  scene.session.reset();
  CHECK(std::chrono::steady_clock::now() - begin < 1500ms);  // it waits for no answer
  const std::uint64_t asked = scene.asked();
  scene.server.fail(RpcFault::none);
  scene.pool->tell(hash_of(far, 5'000));
  std::this_thread::sleep_for(3 * PendingPool::tick);
  CHECK(scene.asked() == asked);
  // Nothing was lost for its slowness.
  CHECK(scene.pool->counts().dropped == 0);
}
