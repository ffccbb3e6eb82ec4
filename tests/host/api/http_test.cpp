#include "host/ports/http.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <thread>

using namespace gantry::host;
namespace asio = boost::asio;

namespace {

// Answers one connection on the loopback interface with fixed bytes; with none, it never answers.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}), answer_(std::move(answer)) {
    thread_ = std::thread([this] {
      boost::system::error_code failure;
      asio::ip::tcp::socket socket(context_);
      acceptor_.accept(socket, failure);
      if (failure) return;
      asio::read_until(socket, asio::dynamic_buffer(request_), "\r\n\r\n", failure);
      if (!answer_.empty()) {
        asio::write(socket, asio::buffer(answer_), failure);
        return;
      }
      char byte = 0;
      while (!failure) socket.read_some(asio::buffer(&byte, 1), failure);
    });
  }
  ~OneAnswer() {
    // Ends an accept that nobody came for.
    boost::system::error_code ignored;
    asio::ip::tcp::socket knock(context_);
    knock.connect(acceptor_.local_endpoint(), ignored);
    knock.close(ignored);
    thread_.join();
  }
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + path;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::string answer_;
  std::string request_;
  std::thread thread_;
};

HttpRequest request_to(const std::string& url) {
  HttpRequest request;
  request.method = "POST";
  request.url = Secret(url, url);
  request.body = "{}";
  return request;
}

}  // namespace

TEST_CASE("an answer comes back with its status and body") {
  const OneAnswer server("HTTP/1.1 429 Slow\r\nContent-Length: 4\r\n\r\nlate");
  const auto answer = make_curl_http()->send(request_to(server.url("/v1/s3cret-key")));
  REQUIRE(answer);
  CHECK(answer->status == 429);
  CHECK(answer->body == "late");
}

TEST_CASE("an answer above the bound is refused before it is kept") {
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" +
                         std::string(5000, 'x'));
  HttpRequest request = request_to(server.url("/s3cret-key"));
  request.answer_bytes_max = 1000;
  const auto answer = make_curl_http()->send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == ErrorKind::limit);
  CHECK(answer.error().message.find("s3cret") == std::string::npos);
}

TEST_CASE("a server that hangs costs the timeout, and the error names no key") {
  const OneAnswer server("");
  HttpRequest request = request_to(server.url("/s3cret-key"));
  request.timeout_ms = 50;
  const auto answer = make_curl_http()->send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == ErrorKind::io);
  CHECK(answer.error().message.find("127.0.0.1") != std::string::npos);
  CHECK(answer.error().message.find("s3cret") == std::string::npos);
}

TEST_CASE("an error is made of the URL's template, whatever that stands for") {
  HttpRequest request = request_to("http://s3cret-key.localhost:1/");
  request.url = Secret(request.url.reveal(), "http://${KEY}.localhost:1/");
  const auto answer = make_curl_http()->send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.starts_with("http://${KEY}.localhost:1: "));
  CHECK(answer.error().message.find("s3cret") == std::string::npos);
}

TEST_CASE("a broken answer and another protocol are errors") {
  const OneAnswer server("garbage\r\n\r\n");
  CHECK_FALSE(make_curl_http()->send(request_to(server.url("/"))));
  CHECK(make_curl_http()->send(request_to("file:///etc/hostname")).error().kind ==
        ErrorKind::usage);
  CHECK(make_curl_http()->send(request_to("nonsense")).error().kind == ErrorKind::usage);
}

TEST_CASE("of a URL only scheme, host and port are printed") {
  CHECK(printable_origin("https://user:pw@rpc.example:8545/v2/KEY?k=KEY#KEY") ==
        "https://rpc.example:8545");
  CHECK(printable_origin("https://rpc.example?k=KEY@x") == "https://rpc.example");
  CHECK(printable_origin("KEY") == "(no URL)");
  CHECK(printable_origin("${RPC_URL}") == "${RPC_URL}");
  CHECK(printable_origin("${RPC_URL}/v2/KEY?to=http://KEY/") == "${RPC_URL}");
  CHECK(printable_origin("${SCHEME}://${KEY}.rpc.example/KEY") == "${SCHEME}://${KEY}.rpc.example");
  CHECK(printable_origin("KEY/http://rpc.example") == "(no URL)");
}
