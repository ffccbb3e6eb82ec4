#include "evm/changed_socket.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <memory>

namespace gantry::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using Stream = beast::websocket::stream<tcp::socket>;

}  // namespace

// Of one client: what either side says is written to the other by the one thread that reads both.
class ChangedSocket::Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  Conversation(tcp::socket client, tcp::socket node, const Change& change)
      : client_(std::move(client)), node_(std::move(node)), change_(change) {}

  void start(const std::string& port) {
    beast::error_code failed;
    client_.accept(failed);
    if (!failed)
      node_.next_layer().connect({asio::ip::address_v4::loopback(), port_of(port)}, failed);
    if (!failed) node_.handshake("127.0.0.1:" + port, "/", failed);
    if (failed) return;
    read_client();
    read_node();
  }

 private:
  static std::uint16_t port_of(const std::string& port) {
    return static_cast<std::uint16_t>(std::stoul(port));
  }
  void read_client() {
    client_.async_read(said_, [self = shared_from_this()](beast::error_code failed, std::size_t) {
      if (!failed) self->node_.write(self->said_.data(), failed);
      self->said_.clear();
      if (!failed) return self->read_client();
      beast::error_code ignored;
      self->node_.next_layer().close(ignored);
    });
  }
  void read_node() {
    node_.async_read(told_, [self = shared_from_this()](beast::error_code failed, std::size_t) {
      const std::string text = beast::buffers_to_string(self->told_.data());
      self->told_.clear();
      if (!failed) self->client_.write(asio::buffer(self->change_(text)), failed);
      if (!failed) return self->read_node();
      beast::error_code ignored;
      self->client_.next_layer().close(ignored);
    });
  }

  Stream client_;
  Stream node_;
  const Change& change_;
  beast::flat_buffer said_;
  beast::flat_buffer told_;
};

ChangedSocket::ChangedSocket(const std::string& node_url, Change change)
    : node_port_(node_url.substr(node_url.rfind(':') + 1)),
      change_(std::move(change)),
      acceptor_(context_, {asio::ip::address_v4::loopback(), 0}) {
  accept();
  thread_ = std::thread([this] { context_.run(); });
}

ChangedSocket::~ChangedSocket() {
  context_.stop();
  thread_.join();
}

std::string ChangedSocket::url() const {
  return "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

void ChangedSocket::accept() {
  acceptor_.async_accept([this](beast::error_code failed, tcp::socket client) {
    if (failed) return;
    std::make_shared<Conversation>(std::move(client), tcp::socket(context_), change_)
        ->start(node_port_);
    accept();
  });
}

}  // namespace gantry::test
