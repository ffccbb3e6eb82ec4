#include "host/ports/websocket.hpp"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "host/base/version.hpp"
#include "host/ports/http.hpp"

namespace gantry::host {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using Steady = std::chrono::steady_clock;
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

template <class Stream>
class Connection final : public WebSocket {
 public:
  template <class... More>
  Connection(std::unique_ptr<asio::io_context> io, std::string origin,
             const WebSocketOptions& options, More&... more)
      : io_(std::move(io)), origin_(std::move(origin)), options_(options), stream_(*io_, more...) {}
  ~Connection() override {
    // What is under way ends with its handlers called, before what they touch is gone. Beast's own
    // timer is not waited for: it goes on for as long as `silence`.
    beast::get_lowest_layer(stream_).close();
    io_->restart();
    while (reading_ && !read_ && io_->run_one() != 0) continue;
  }

  Status open(const Address& address) {
    const auto end = Steady::now() + options_.deadline;
    tcp::resolver resolver(*io_);
    tcp::resolver::results_type found;
    auto done = wait_for(
        end,
        [&](auto handler) {
          resolver.async_resolve(address.host, address.port,
                                 [&found, handler](error_code error, auto results) {
                                   found = std::move(results);
                                   handler(error);
                                 });
        },
        [&] { resolver.cancel(); });
    if (!done) return done;
    done = wait_for(end, [&](auto handler) {
      lowest().async_connect(found, [handler](error_code error, const auto&) { handler(error); });
    });
    if (!done) return done;
    error_code ignored;
    lowest().socket().set_option(tcp::no_delay(true), ignored);
    if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
      auto& tls = stream_.next_layer();
      if (SSL_set_tlsext_host_name(tls.native_handle(), address.host.c_str()) != 1) {
        return broken("TLS could not be begun");
      }
      tls.set_verify_callback(asio::ssl::host_name_verification(address.host));
      done = wait_for(
          end, [&](auto handler) { tls.async_handshake(asio::ssl::stream_base::client, handler); });
      if (!done) return done;
    }
    stream_.set_option(websocket::stream_base::timeout{options_.deadline, options_.silence, true});
    stream_.read_message_max(options_.message_bytes_max);
    stream_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(beast::http::field::user_agent, "gantry/" + std::string(version_text));
    }));
    const std::string host = address.host + ":" + address.port;
    return wait_for(end,
                    [&](auto handler) { stream_.async_handshake(host, address.path, handler); });
  }

  Status send(std::string_view text) override {
    if (over_) return broken("the connection is closed");
    stream_.text(true);
    return wait_for(Steady::now() + options_.deadline, [&](auto handler) {
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
    io_->restart();
    while (!read_ && !closed_) {
      const auto left = end - Steady::now();
      if (left <= Steady::duration::zero()) return std::optional<std::string>();
      io_->run_one_for(left);
    }
    if (closed_) {
      over_ = true;
      return broken("closed by this host");
    }
    reading_ = false;
    if (*read_) {
      over_ = true;
      if (*read_ == websocket::error::message_too_big) {
        return fail(ErrorKind::limit, fmt::format("{}: a message is longer than {} bytes", origin_,
                                                  options_.message_bytes_max));
      }
      return broken(read_->message());
    }
    std::string text = beast::buffers_to_string(buffer_.data());
    buffer_.consume(buffer_.size());
    return std::optional(std::move(text));
  }

  void close() noexcept override {
    closed_ = true;
    // So that whoever waits looks.
    io_->stop();
  }

 private:
  auto& lowest() { return beast::get_lowest_layer(stream_); }

  std::unexpected<Error> broken(const std::string& why) const {
    return fail(ErrorKind::io, fmt::format("{}: {}", origin_, why));
  }

  // Begins an operation and waits until it is done. A read that is under way goes on meanwhile.
  template <class Begin>
  Status wait_for(Steady::time_point end, Begin begin) {
    return wait_for(end, begin, [this] { lowest().cancel(); });
  }
  template <class Begin, class Cancel>
  Status wait_for(Steady::time_point end, Begin begin, Cancel cancel) {
    std::optional<error_code> result;
    begin([&result](error_code error) { result = error; });
    bool late = false;
    io_->restart();
    while (!result) {
      const auto left = end - Steady::now();
      if (!late && (left <= Steady::duration::zero() || closed_)) {
        late = true;
        cancel();
      }
      // A bound on the wait, for a close() that came before the restart.
      io_->run_one_for(late ? Steady::duration(std::chrono::milliseconds(100))
                            : std::min<Steady::duration>(left, std::chrono::milliseconds(100)));
      if (io_->stopped()) io_->restart();
    }
    if (late) over_ = true;
    if (closed_) return broken("closed by this host");
    if (late) return broken("no answer in time");
    if (!*result) return {};
    over_ = true;
    return broken(result->message());
  }

  std::unique_ptr<asio::io_context> io_;
  std::string origin_;
  WebSocketOptions options_;
  websocket::stream<Stream> stream_;
  beast::flat_buffer buffer_;
  std::optional<error_code> read_;
  bool reading_ = false;
  bool over_ = false;
  std::atomic<bool> closed_{false};
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
  Status open(const Address& address, const std::string& origin, const WebSocketOptions& options) {
    inner_ =
        std::make_unique<Inner>(std::make_unique<asio::io_context>(1), origin, options, context_);
    return inner_->open(address);
  }
  Status send(std::string_view text) override { return inner_->send(text); }
  Result<std::optional<std::string>> receive(std::chrono::milliseconds wait) override {
    return inner_->receive(wait);
  }
  void close() noexcept override { inner_->close(); }

 private:
  asio::ssl::context context_;
  std::unique_ptr<Inner> inner_;
};

}  // namespace

Result<std::unique_ptr<WebSocket>> connect_websocket(const Secret& url,
                                                     const WebSocketOptions& options) {
  const std::string origin = printable_origin(url.written());
  const auto address = parse(url.reveal());
  if (!address) {
    return fail(ErrorKind::usage,
                fmt::format("{}: only ws:// and wss:// can be connected to", origin));
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
