#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <thread>

#include "host/ports/http.hpp"
#include "support/rpc_server.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::test::RpcChain;
using gantry::test::RpcFault;
using gantry::test::RpcServer;
using gantry::test::TemporaryFolder;
using namespace std::chrono_literals;

namespace {

HttpRequest chain_id_of(const std::string& url) {
  HttpRequest request;
  request.method = "POST";
  request.url = Secret(url, url);
  request.body = R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]})";
  request.timeout_ms = 20000;
  return request;
}

// Collects outcomes; wait() is for so many.
class Outcomes {
 public:
  HttpPool::Done here() {
    return [this](HttpOutcome outcome) {
      const std::lock_guard lock(mutex_);
      outcomes_.push_back(std::move(outcome));
      changed_.notify_all();
    };
  }
  std::vector<HttpOutcome> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 60s, [&] { return outcomes_.size() >= count; });
    return outcomes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<HttpOutcome> outcomes_;
};

// A server of HTTP/2 over TLS, in Node: it ends when its input does.
class Http2Server {
 public:
  Http2Server(const TemporaryFolder& folder, const std::string& certificate)
      : port_file_((folder / "port").string()) {
    const std::string script = (folder / "server.js").string();
    std::ofstream(script) << R"(
      const [certificate, port_file] = process.argv.slice(2);
      const fs = require('fs'), pem = fs.readFileSync(certificate);
      let sessions = 0;
      const server = require('http2').createSecureServer({ cert: pem, key: pem });
      server.on('session', () => { sessions++; });
      server.on('stream', (stream) => {
        // Whoever answers before the request is whole resets its stream.
        stream.resume();
        stream.on('end', () => {
          stream.respond({ ':status': 200 });
          stream.end(String(sessions));
        });
      });
      server.listen(0, '127.0.0.1', () => {
        fs.writeFileSync(port_file + '.new', String(server.address().port));
        fs.renameSync(port_file + '.new', port_file);
      });
      process.stdin.resume();
      process.stdin.on('end', () => process.exit(0));
    )";
    const std::string command =
        "exec node '" + script + "' '" + certificate + "' '" + port_file_ + "'";
    input_ = ::popen(command.c_str(), "w");
    REQUIRE(input_ != nullptr);
  }
  ~Http2Server() { ::pclose(input_); }
  std::string url() const {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < until) {
      std::ifstream file(port_file_);
      if (std::string port; file >> port) return "https://127.0.0.1:" + port + "/";
      std::this_thread::sleep_for(10ms);
    }
    throw std::runtime_error("node did not begin to listen");
  }

 private:
  std::string port_file_;
  std::FILE* input_;
};

}  // namespace

TEST_CASE("many requests are on their way at once, and each is answered once") {
  RpcChain chain(7);
  RpcServer server(chain);
  server.delay(20ms);
  Outcomes outcomes;
  const auto pool = make_curl_http_pool().value();
  for (int i = 0; i < 100; ++i) pool->start(chain_id_of(server.url()), outcomes.here());
  const auto all = outcomes.wait(100);
  REQUIRE(all.size() == 100);
  for (const auto& one : all) {
    REQUIRE(one);
    CHECK(one->body.find("\"0x7\"") != std::string::npos);
  }
  CHECK(server.connections() > 1);
  CHECK(server.connections() <= HttpPoolOptions{}.connections_per_host_max);
}

TEST_CASE("a request that is cancelled is not heard of again, and others are") {
  RpcChain chain(7);
  RpcServer hanging(chain);
  RpcServer server(chain);
  hanging.fail(RpcFault::hang);
  std::atomic<bool> called = false;
  Outcomes outcomes;
  const auto pool = make_curl_http_pool().value();
  const auto id =
      pool->start(chain_id_of(hanging.url()), [&](const HttpOutcome&) { called = true; });
  while (hanging.requests() == 0) std::this_thread::sleep_for(1ms);
  pool->cancel(id);
  pool->start(chain_id_of(server.url()), outcomes.here());
  CHECK(outcomes.wait(1).at(0));
  hanging.die();  // would end the request, were it still there
  CHECK_FALSE(called);
}

TEST_CASE("a pool that ends drops what is on its way") {
  RpcChain chain(7);
  RpcServer server(chain);
  server.fail(RpcFault::hang);
  std::atomic<bool> called = false;
  auto pool = make_curl_http_pool().value();
  for (int i = 0; i < 5; ++i) {
    pool->start(chain_id_of(server.url()), [&](const HttpOutcome&) { called = true; });
  }
  pool.reset();
  CHECK_FALSE(called);
}

TEST_CASE("more requests than the pool takes fail by name") {
  RpcChain chain(7);
  RpcServer server(chain);
  server.fail(RpcFault::hang);
  Outcomes outcomes;
  const auto pool = make_curl_http_pool({.requests_max = 2}).value();
  for (int i = 0; i < 3; ++i) pool->start(chain_id_of(server.url()), outcomes.here());
  const auto refused = outcomes.wait(1);
  REQUIRE(refused.size() == 1);
  REQUIRE_FALSE(refused[0]);
  CHECK(refused[0].error().kind == HttpFailureKind::usage);
  CHECK_FALSE(refused[0].error().maybe_taken);
}

TEST_CASE("a fresh request has a connection of its own, which is closed after it") {
  RpcChain chain(7);
  RpcServer server(chain);
  const auto pool = make_curl_http_pool().value();
  Outcomes outcomes;
  for (std::size_t i = 1; i <= 3; ++i) {
    pool->start(chain_id_of(server.url()), outcomes.here(), true);
    REQUIRE(outcomes.wait(i).size() == i);
  }
  CHECK(server.connections() == 3);
}

TEST_CASE("what certainly did not leave is told from what may have") {
  RpcChain chain(7);
  RpcServer server(chain);
  const auto pool = make_curl_http_pool().value();
  const auto outcome_of = [&](HttpRequest request) {
    Outcomes outcomes;
    pool->start(std::move(request), outcomes.here());
    return outcomes.wait(1).at(0).error();
  };
  server.fail(RpcFault::close);
  CHECK(outcome_of(chain_id_of(server.url())).maybe_taken);
  server.fail(RpcFault::hang);
  HttpRequest short_request = chain_id_of(server.url());
  short_request.timeout_ms = 200;
  const HttpFailure late = outcome_of(short_request);
  CHECK(late.kind == HttpFailureKind::timed_out);
  CHECK(late.maybe_taken);
  server.die();
  const HttpFailure refused = outcome_of(chain_id_of(server.url()));
  CHECK(refused.kind == HttpFailureKind::refused);
  CHECK_FALSE(refused.maybe_taken);
  CHECK(refused.message.find("s3cret") == std::string::npos);
  CHECK_FALSE(outcome_of(chain_id_of("http://no-such-host.invalid/")).maybe_taken);
}

TEST_CASE("HTTP/2 is spoken where the server has it, many requests over one connection") {
  const TemporaryFolder folder;
  const std::string certificate = (folder / "server.pem").string();
  gantry::test::write_self_signed_certificate(certificate);
  const Http2Server server(folder, certificate);
  const auto pool = make_curl_http_pool({.certificates = certificate}).value();
  const std::string url = server.url();
  Outcomes first;
  pool->start(chain_id_of(url), first.here());
  const auto alone = first.wait(1);
  REQUIRE(alone.size() == 1);
  if (!alone[0]) FAIL(alone[0].error().message);
  CHECK(alone[0]->http2);
  Outcomes outcomes;
  for (int i = 0; i < 50; ++i) pool->start(chain_id_of(url), outcomes.here());
  for (const auto& one : outcomes.wait(50)) {
    if (!one) FAIL(one.error().message);
    CHECK(one->body == "1");  // sessions so far
  }
}
