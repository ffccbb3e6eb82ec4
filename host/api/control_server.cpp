#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <memory>
#include <thread>

#include "host/api/control.hpp"
#include "host/api/socket_file.hpp"

namespace gantry::host {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using Failure = boost::system::error_code;

bool is_ours(Protocol::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.uid == ::geteuid();
}

}  // namespace

class ControlServer::Serving {
 public:
  Serving(SocketFile file, ControlHandlers handlers, ControlOptions options)
      : file_(std::move(file)),
        handlers_(std::move(handlers)),
        options_(options),
        acceptor_(context_, Protocol(), file_.release_descriptor()) {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() {
    context_.stop();
    thread_.join();
  }

 private:
  // One connection: one request, one answer, then it is closed; or its time is up.
  struct Client : std::enable_shared_from_this<Client> {
    Client(Serving& serving, Protocol::socket connection)
        : owner(serving), socket(std::move(connection)), timer(owner.context_) {
      ++owner.clients_;
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() {
      --owner.clients_;
      if (!owner.context_.stopped()) owner.accept();
    }

    void serve() {
      timer.expires_after(std::chrono::milliseconds(owner.options_.client_timeout_ms));
      timer.async_wait([weak = weak_from_this()](const Failure& failure) {
        const auto self = weak.lock();
        Failure ignored;
        if (self && !failure) (void)self->socket.close(ignored);
      });
      asio::async_read_until(socket, asio::dynamic_buffer(request, control_request_bytes_max), '\n',
                             [self = shared_from_this()](const Failure& failure, std::size_t size) {
                               self->answer_to(failure, size);
                             });
    }

    void answer_to(const Failure& failure, std::size_t size) {
      if (failure == asio::error::not_found) {
        answer = R"({"error":"the request is too long"})";
      } else if (failure) {
        return;
      } else {
        answer = owner.answer(std::string_view(request).substr(0, size - 1));
      }
      answer += '\n';
      asio::async_write(
          socket, asio::buffer(answer),
          [self = shared_from_this()](const Failure&, std::size_t) { self->timer.cancel(); });
    }

    Serving& owner;
    Protocol::socket socket;
    asio::steady_timer timer;
    std::string request;
    std::string answer;
  };

  void accept() {
    if (accepting_ || clients_ >= control_clients_max) return;
    accepting_ = true;
    acceptor_.async_accept([this](const Failure& failure, Protocol::socket socket) {
      accepting_ = false;
      if (failure == asio::error::operation_aborted) return;
      if (!failure && is_ours(socket)) {
        std::make_shared<Client>(*this, std::move(socket))->serve();
      } else if (failure) {
        spdlog::warn("control socket: {}", failure.message());
        retry_later();
        return;
      }
      accept();
    });
  }

  // Out of descriptors, say: a failing accept must not spin.
  void retry_later() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](const Failure& failure) {
      if (!failure) accept();
    });
  }

  std::string answer(std::string_view request) const {
    if (request == "status") return handlers_.status();
    if (request == "stop") return handlers_.stop();
    if (handlers_.resume && request == "resume") return handlers_.resume();
    if (handlers_.reload && request.starts_with("reload")) return handlers_.reload(request);
    return R"({"error":"unknown request; status and stop are known"})";
  }

  SocketFile file_;
  ControlHandlers handlers_;
  ControlOptions options_;
  std::size_t clients_ = 0;
  bool accepting_ = false;
  asio::io_context context_;
  Protocol::acceptor acceptor_;
  asio::steady_timer retry_{context_};
  std::thread thread_;
};

ControlServer::ControlServer(std::unique_ptr<Serving> serving) : serving_(std::move(serving)) {}
ControlServer::~ControlServer() = default;

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::filesystem::path& socket,
                                                            ControlHandlers handlers,
                                                            ControlOptions options) {
  auto file = SocketFile::bind(socket);
  if (!file) return std::unexpected(file.error());
  return std::unique_ptr<ControlServer>(
      new ControlServer(std::make_unique<Serving>(std::move(*file), std::move(handlers), options)));
}

}  // namespace gantry::host
