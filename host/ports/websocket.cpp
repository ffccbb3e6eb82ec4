#include "host/ports/websocket.hpp"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "host/base/version.hpp"
#include "host/ports/certificate.hpp"
#include "host/ports/http.hpp"
#include "host/ports/websocket_words.hpp"

namespace gantry::host {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using Steady = std::chrono::steady_clock;
using Step = WebSocketStep;
using boost::system::error_code;

struct Address {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string path;  // with the query
};

std::optional<Address> parse(std::string_view url) {
  Address out;
  if (url.starts_with("wss://")) {
    out.tls = true;
    url.remove_prefix(6);
  } else if (url.starts_with("ws://")) {
    url.remove_prefix(5);
  } else {
    return std::nullopt;
  }
  const std::size_t path = std::min(url.find_first_of("/?#"), url.size());
  out.path = url.substr(path, url.find('#') - path);
  if (!out.path.starts_with('/')) out.path.insert(0, "/");
  std::string_view host = url.substr(0, path);
  if (const std::size_t at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
  out.port = out.tls ? "443" : "80";
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == host.npos) return std::nullopt;
  if (const std::size_t colon = host.find(':', bracket); colon != host.npos) {
    out.port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  out.host = bracket != 0 ? host.substr(1, bracket - 1) : host;
  if (out.host.empty() || out.port.empty()) return std::nullopt;
  return out;
}

// How long it takes at most until a stop is noticed.
constexpr std::chrono::milliseconds look{100};

// Names that are looked up at once, of all connections. The system's resolver cannot be
// interrupted, so one that hangs keeps its thread; who waits for it leaves.
constexpr int lookups_max = 8;

// One look-up, in a thread of its own that shares this and nothing else.
class Lookup {
 public:
  // Null: there are too many on their way, or no thread is to be had.
  static std::shared_ptr<Lookup> begin(const Address& address) {
    if (++on_their_way() > lookups_max) {
      --on_their_way();
      return nullptr;
    }
    auto lookup = std::make_shared<Lookup>();
    try {
      std::thread([lookup, host = address.host, port = address.port] {
        error_code error;
        asio::io_context io(1);
        auto found = tcp::resolver(io).resolve(host, port, error);
        {
          const std::lock_guard lock(lookup->mutex_);
          lookup->found_ = std::move(found);
          lookup->error_ = error;
        }
        lookup->done_.notify_all();
        --on_their_way();
      }).detach();
    } catch (const std::system_error&) {
      --on_their_way();
      return nullptr;
    }
    return lookup;
  }
  // Nothing: it is not done yet.
  std::optional<error_code> wait(std::chrono::nanoseconds at_most) {
    std::unique_lock lock(mutex_);
    done_.wait_for(lock, at_most, [&] { return error_.has_value(); });
    return error_;
  }
  // Once it is done.
  tcp::resolver::results_type take() { return std::move(found_); }

 private:
  static std::atomic<int>& on_their_way() {
    static std::atomic<int> count{0};
    return count;
  }

  std::mutex mutex_;  // guards the two below
  std::optional<error_code> error_;
  tcp::resolver::results_type found_;
  std::condition_variable done_;
};

template <class Stream>
class Connection final : public WebSocket {
 public:
  template <class... More>
  Connection(std::unique_ptr<asio::io_context> io, std::string origin,
             const WebSocketOptions& options, More&... more)
      : io_(std::move(io)), origin_(std::move(origin)), options_(options), stream_(*io_, more...) {}
  // Handlers that are left are destroyed with the context, and never called. To wait for them would
  // be to wait for the timer of the next ping.
  ~Connection() override { lowest().close(); }

  std::expected<void, WebSocketRefusal> open(const Address& address) {
    const auto end = Steady::now() + options_.deadline;
    const auto refused = [](Error error) { return std::unexpected(WebSocketRefusal{error}); };
    if (auto done = connect(address, end); !done) return refused(done.error());
    if constexpr (is_tls) {
      if (auto done = begin_tls(address, end); !done) return refused(done.error());
    }
    stream_.set_option(websocket::stream_base::timeout{options_.deadline, options_.silence, true});
    stream_.read_message_max(options_.message_bytes_max);
    stream_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(beast::http::field::user_agent, "gantry/" + std::string(version_text));
    }));
    const std::string host = address.host + ":" + address.port;
    websocket::response_type answer;
    auto done = wait_for(Step::upgrade, end, [&](auto handler) {
      stream_.async_handshake(answer, host, address.path, handler);
    });
    if (done) return {};
    WebSocketRefusal refusal{done.error()};
    const unsigned status = answer.result_int();
    // What answers with 101 and is refused all the same has spoken no WebSocket.
    if (error_ == websocket::error::upgrade_declined && status != 101) {
      refusal.error = broken(upgrade_words(status)).error();
      refusal.pause = retry_after(answer[beast::http::field::retry_after]).value_or(refusal.pause);
    }
    return std::unexpected(std::move(refusal));
  }

  Status send(std::string_view text) override {
    if (over_) return broken("the connection is closed");
    stream_.text(true);
    return wait_for(Step::talk, Steady::now() + options_.deadline, [&](auto handler) {
      stream_.async_write(asio::buffer(text.data(), text.size()),
                          [handler](error_code error, std::size_t) { handler(error); });
    });
  }

  Result<std::optional<std::string>> receive(std::chrono::milliseconds wait) override {
    if (over_) return broken("the connection is closed");
    if (!reading_) {
      reading_ = true;
      read_.reset();
      stream_.async_read(buffer_, [this](error_code error, std::size_t) { read_ = error; });
    }
    const auto end = Steady::now() + wait;
    while (!read_ && !options_.stop.stop_requested()) {
      const auto left = end - Steady::now();
      if (left <= Steady::duration::zero()) return std::optional<std::string>();
      io_->restart();
      io_->run_one_for(std::min<Steady::duration>(left, look));
    }
    if (!read_) {
      over_ = true;
      return stopped();
    }
    reading_ = false;
    if (*read_) return lost(*read_);
    if (!stream_.got_text()) {
      over_ = true;
      return fail(ErrorKind::format,
                  fmt::format("{}: it sends binary messages: is it a node's url?", origin_));
    }
    std::string text = beast::buffers_to_string(buffer_.data());
    buffer_.consume(buffer_.size());
    return std::optional(std::move(text));
  }

 private:
  static constexpr bool is_tls = !std::is_same_v<Stream, beast::tcp_stream>;

  auto& lowest() { return beast::get_lowest_layer(stream_); }

  std::unexpected<Error> broken(const std::string& why) const {
    return fail(ErrorKind::io, fmt::format("{}: {}", origin_, why));
  }
  std::unexpected<Error> stopped() const { return broken("closed by this host"); }

  Status connect(const Address& address, Steady::time_point end) {
    const auto resolved = resolve(address, end);
    if (!resolved) return std::unexpected(resolved.error());
    const tcp::resolver::results_type& found = *resolved;
    auto done = wait_for(Step::connect, end, [&](auto handler) {
      lowest().async_connect(found, [handler](error_code error, const auto&) { handler(error); });
    });
    if (!done) return done;
    error_code ignored;
    lowest().socket().set_option(tcp::no_delay(true), ignored);
    return {};
  }

  Result<tcp::resolver::results_type> resolve(const Address& address, Steady::time_point end) {
    error_code fault;
    // An address needs no look-up, and this none but of the port.
    asio::ip::make_address(address.host, fault);
    if (!fault) {
      auto found = tcp::resolver(*io_).resolve(address.host, address.port, fault);
      if (fault) return broken(websocket_words(Step::resolve, fault));
      return found;
    }
    const auto lookup = Lookup::begin(address);
    if (!lookup) {
      return broken(
          fmt::format("its host is not looked up: {} look-ups have no answer yet. Does "
                      "this machine's resolver (DNS) work?",
                      lookups_max));
    }
    while (!options_.stop.stop_requested()) {
      const auto left = end - Steady::now();
      if (left <= Steady::duration::zero()) {
        return broken(
            fmt::format("its host was not found within {} ms: does this machine's "
                        "resolver (DNS) work?",
                        options_.deadline.count()));
      }
      const auto error = lookup->wait(std::min<Steady::duration>(left, look));
      if (!error) continue;
      if (*error) return broken(websocket_words(Step::resolve, *error));
      return lookup->take();
    }
    return stopped();
  }

  Status begin_tls(const Address& address, Steady::time_point end) {
    auto& tls = stream_.next_layer();
    SSL* const ssl = tls.native_handle();
    error_code not_numeric;
    asio::ip::make_address(address.host, not_numeric);
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
    const bool begun = not_numeric
                           ? SSL_set_tlsext_host_name(ssl, address.host.c_str()) == 1 &&
                                 X509_VERIFY_PARAM_set1_host(wanted, address.host.c_str(), 0) == 1
                           : X509_VERIFY_PARAM_set1_ip_asc(wanted, address.host.c_str()) == 1;
    if (!begun) return broken("TLS could not be begun");
    auto done = wait_for(Step::tls, end, [&](auto handler) {
      tls.async_handshake(asio::ssl::stream_base::client, handler);
    });
    const long verdict = SSL_get_verify_result(ssl);
    if (!done && verdict != X509_V_OK) return broken(certificate_fault(verdict));
    return done;
  }

  std::unexpected<Error> lost(const error_code& error) {
    over_ = true;
    if (error == websocket::error::message_too_big) {
      return fail(ErrorKind::limit, fmt::format("{}: a message is longer than {} bytes", origin_,
                                                options_.message_bytes_max));
    }
    if (error == websocket::error::closed) {
      const auto& reason = stream_.reason();
      return broken(close_words(reason.code, {reason.reason.data(), reason.reason.size()}));
    }
    return broken(websocket_words(Step::talk, error));
  }

  // Begins an operation and waits until it is done; what it came to is in error_. A read that is
  // under way goes on meanwhile.
  template <class Begin>
  Status wait_for(Step step, Steady::time_point end, Begin begin) {
    std::optional<error_code> result;
    begin([&result](error_code error) { result = error; });
    bool late = false;
    while (!result) {
      const auto left = end - Steady::now();
      if (!late && (left <= Steady::duration::zero() || options_.stop.stop_requested())) {
        late = true;
        lowest().cancel();
      }
      io_->restart();
      io_->run_one_for(late ? look : std::min<Steady::duration>(left, look));
    }
    error_ = *result;
    over_ = late || error_;
    if (options_.stop.stop_requested()) return stopped();
    if (late) return broken(fmt::format("no answer within {} ms", options_.deadline.count()));
    if (error_) return broken(websocket_words(step, error_));
    return {};
  }

  std::unique_ptr<asio::io_context> io_;
  std::string origin_;
  WebSocketOptions options_;
  websocket::stream<Stream> stream_;
  beast::flat_buffer buffer_;
  std::optional<error_code> read_;
  error_code error_;
  bool reading_ = false;
  bool over_ = false;
};

// Its context lives as long as the stream.
class TlsConnection final : public WebSocket {
 public:
  using Inner = Connection<beast::ssl_stream<beast::tcp_stream>>;

  explicit TlsConnection(const WebSocketOptions& options)
      : context_(asio::ssl::context::tls_client) {
    context_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                         asio::ssl::context::no_tlsv1_1);
    context_.set_verify_mode(asio::ssl::verify_peer);
    error_code ignored;  // a store that cannot be read vouches for nobody
    if (options.certificates.empty()) {
      context_.set_default_verify_paths(ignored);
    } else {
      context_.load_verify_file(options.certificates.string(), ignored);
    }
  }
  std::expected<void, WebSocketRefusal> open(const Address& address, const std::string& origin,
                                             const WebSocketOptions& options) {
    inner_ =
        std::make_unique<Inner>(std::make_unique<asio::io_context>(1), origin, options, context_);
    return inner_->open(address);
  }
  Status send(std::string_view text) override { return inner_->send(text); }
  Result<std::optional<std::string>> receive(std::chrono::milliseconds wait) override {
    return inner_->receive(wait);
  }

 private:
  asio::ssl::context context_;
  std::unique_ptr<Inner> inner_;
};

}  // namespace

std::expected<std::unique_ptr<WebSocket>, WebSocketRefusal> connect_websocket(
    const Secret& url, const WebSocketOptions& options) {
  const std::string origin = printable_origin(url.written());
  const auto address = parse(url.reveal());
  if (!address) {
    return std::unexpected(WebSocketRefusal{
        {ErrorKind::usage, fmt::format("{}: only ws:// and wss:// can be connected to", origin)}});
  }
  if (address->tls) {
    auto connection = std::make_unique<TlsConnection>(options);
    if (auto opened = connection->open(*address, origin, options); !opened) {
      return std::unexpected(opened.error());
    }
    return connection;
  }
  using Plain = Connection<beast::tcp_stream>;
  auto connection = std::make_unique<Plain>(std::make_unique<asio::io_context>(1), origin, options);
  if (auto opened = connection->open(*address); !opened) return std::unexpected(opened.error());
  return connection;
}

}  // namespace gantry::host
