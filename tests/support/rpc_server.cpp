#include "support/rpc_server.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <stdexcept>

namespace gantry::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using tcp = asio::ip::tcp;

constexpr std::uint64_t blocks_behind = 50;
constexpr std::uint64_t other_chain_id = 56;

class MadeUpNode final : public RpcNode {
 public:
  explicit MadeUpNode(RpcChain& chain) : chain_(chain) {}
  json::array answer(const json::array& calls, const Manner& manner) override {
    json::array replies;
    for (const json::value& call : calls) {
      replies.push_back(chain_.answer(call.get_object(), manner.lag, manner.by_hash));
    }
    return replies;
  }

 private:
  RpcChain& chain_;
};

// Of another chain than that one, which has as many blocks.
class MadeUpOtherNode final : public RpcNode {
 public:
  explicit MadeUpOtherNode(const RpcChain& beside)
      : beside_(beside), other_(other_chain_id, beside.head()) {}
  json::array answer(const json::array& calls, const Manner& manner) override {
    if (other_.head() < beside_.head()) other_.advance(beside_.head() - other_.head());
    return MadeUpNode(other_).answer(calls, manner);
  }

 private:
  const RpcChain& beside_;
  RpcChain other_;
};

std::vector<std::unique_ptr<RpcNode>> made_up(RpcChain& chain) {
  std::vector<std::unique_ptr<RpcNode>> nodes;
  nodes.push_back(std::make_unique<MadeUpNode>(chain));
  nodes.push_back(std::make_unique<MadeUpOtherNode>(chain));
  return nodes;
}

std::unique_ptr<asio::ssl::context> tls_of(const std::string& certificate) {
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  tls->use_certificate_chain_file(certificate);
  tls->use_private_key_file(certificate, asio::ssl::context::pem);
  return tls;
}

void put_error(json::object& reply, std::int64_t code, const char* message) {
  reply.erase("result");
  reply["error"] = {{"code", code}, {"message", message}};
}

std::string refusal_of_all(std::int64_t code, const char* message) {
  json::object reply{{"jsonrpc", "2.0"}, {"id", nullptr}};
  put_error(reply, code, message);
  return json::serialize(reply);
}

void spoil_log(json::object& log, RpcFault fault) {
  if (fault == RpcFault::logs_of_bad_address) {
    log["address"] = "0x1111";
  } else if (fault == RpcFault::logs_of_bad_topics) {
    log["topics"] = json::array{json::string("0x" + std::string(64, 'g'))};
  } else if (fault == RpcFault::logs_of_bad_data) {
    log["data"] = "0x123";
  } else if (fault == RpcFault::logs_without_index) {
    log.erase("logIndex");
  } else if (fault == RpcFault::logs_of_another_emitter) {
    log["address"] = "0x" + std::string(40, '3');
  }
}

// What a fault makes of the reply to one call, where it does not change the request as a whole.
void spoil(json::object& reply, const json::object& call, RpcFault fault) {
  const std::string method(call.at("method").as_string());
  json::value* result = reply.if_contains("result");
  if (fault == RpcFault::no_read_methods && (method == "eth_getLogs" || method == "eth_call")) {
    put_error(reply, -32601, "the method is not available");
  } else if (method == "eth_getLogs") {
    const bool list = result != nullptr && result->is_array();
    if (fault == RpcFault::null_logs) {
      reply.erase("error");
      reply["result"] = nullptr;
    } else if (fault == RpcFault::logs_not_in_plan) {
      put_error(reply, -32600, "eth_getLogs is not available on your plan");
    } else if (fault == RpcFault::no_logs_yet && list) {
      result->get_array().clear();
    } else if (fault == RpcFault::emitters_wanted) {
      const json::value& filter = call.at("params").as_array().at(0);
      if (!filter.as_object().contains("address")) {
        put_error(reply, -32701, "Please, specify an address in your request");
      }
    } else if (fault == RpcFault::logs_of_no_block && list) {
      for (json::value& log : result->get_array()) log.get_object().erase("blockHash");
    } else if (fault == RpcFault::logs_of_another_block && list) {
      for (json::value& log : result->get_array()) {
        log.get_object()["blockHash"] = "0x" + std::string(64, 'b');
      }
    } else if (list) {
      for (json::value& log : result->get_array()) spoil_log(log.get_object(), fault);
    }
  } else if (method == "eth_call") {
    if (fault == RpcFault::calls_fail) {
      put_error(reply, -32000, "Temporary internal error. Please retry");
    } else if (fault == RpcFault::calls_break) {
      put_error(reply, -32603, "internal error");
    } else if (fault == RpcFault::calls_are_null) {
      reply.erase("error");
      reply["result"] = nullptr;
    }
  } else if (method == "eth_getBlockByNumber" && result != nullptr && result->is_object()) {
    if (fault == RpcFault::block_without_parent) result->get_object().erase("parentHash");
  }
}

bool is_of_tls(RpcFault fault) {
  return fault == RpcFault::no_tls || fault == RpcFault::other_certificate;
}

}  // namespace

std::string_view to_string(RpcFault fault) {
  static constexpr std::array<std::string_view, rpc_faults> names = {"none",
                                                                     "hang",
                                                                     "close",
                                                                     "reset",
                                                                     "garbage",
                                                                     "html",
                                                                     "wrong_ids",
                                                                     "twice",
                                                                     "missing",
                                                                     "huge",
                                                                     "old_block",
                                                                     "other_chain",
                                                                     "limited",
                                                                     "limited_for_1_s",
                                                                     "limited_in_json",
                                                                     "unavailable",
                                                                     "key_refused",
                                                                     "node_fails",
                                                                     "no_blocks_by_hash",
                                                                     "old_block_no_logs",
                                                                     "no_tls",
                                                                     "other_certificate",
                                                                     "null_logs",
                                                                     "logs_of_no_block",
                                                                     "logs_of_another_block",
                                                                     "logs_not_in_plan",
                                                                     "block_without_parent",
                                                                     "other_block",
                                                                     "calls_fail",
                                                                     "calls_are_null",
                                                                     "refused_on_its_way",
                                                                     "refused_on_its_way_502",
                                                                     "not_understood",
                                                                     "no_read_methods",
                                                                     "logs_of_bad_address",
                                                                     "logs_of_bad_topics",
                                                                     "logs_of_bad_data",
                                                                     "logs_without_index",
                                                                     "no_logs_yet",
                                                                     "logs_of_another_emitter",
                                                                     "emitters_wanted",
                                                                     "calls_break"};
  return names[static_cast<std::size_t>(fault)];
}

struct RpcServer::Connection {
  explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
  tcp::socket socket;
  std::thread thread;
  std::atomic<bool> done{false};
};

RpcServer::RpcServer(RpcChain& chain, const std::string& certificate)
    : made_up_(made_up(chain)), node_(*made_up_[0]), other_chain_(*made_up_[1]) {
  if (!certificate.empty()) tls_ = tls_of(certificate);
  listen(0);
}

RpcServer::RpcServer(RpcNode& node, RpcNode& other_chain, const std::string& certificate)
    : node_(node), other_chain_(other_chain) {
  if (!certificate.empty()) tls_ = tls_of(certificate);
  listen(0);
}

RpcServer::~RpcServer() { die(); }

std::string RpcServer::origin() const {
  return std::string(tls_ == nullptr ? "http" : "https") + "://127.0.0.1:" + std::to_string(port_);
}
std::string RpcServer::url() const { return origin() + "/v2/s3cret-key"; }

void RpcServer::fail(RpcFault fault) {
  fault_ = fault;
  if (!is_of_tls(fault)) return;
  const std::lock_guard lock(mutex_);
  for (auto& connection : open_) ::shutdown(connection->socket.native_handle(), SHUT_RDWR);
}

void RpcServer::set_other_certificate(const std::string& certificate) {
  other_tls_ = tls_of(certificate);
}

void RpcServer::listen(std::uint16_t port) {
  closing_ = false;
  const tcp::endpoint here(asio::ip::address_v4::loopback(), port);
  acceptor_ = std::make_unique<tcp::acceptor>(context_);
  acceptor_->open(here.protocol());
  acceptor_->set_option(tcp::acceptor::reuse_address(true));
  acceptor_->bind(here);
  acceptor_->listen();
  port_ = acceptor_->local_endpoint().port();
  accepting_ = std::thread([this] {
    while (true) {
      boost::system::error_code failure;
      tcp::socket socket(context_);
      acceptor_->accept(socket, failure);
      if (closing_) return;
      if (failure) continue;
      ++connections_;
      reap();
      const std::lock_guard lock(mutex_);
      open_.push_back(std::make_unique<Connection>(std::move(socket)));
      Connection& connection = *open_.back();
      connection.thread = std::thread([this, &connection] {
        serve(connection);
        connection.done = true;
      });
    }
  });
}

void RpcServer::reap() {
  const std::lock_guard lock(mutex_);
  open_.remove_if([](const std::unique_ptr<Connection>& connection) {
    if (!connection->done) return false;
    connection->thread.join();
    return true;
  });
}

void RpcServer::die() {
  if (!accepting_.joinable()) return;
  closing_ = true;
  // Ends the accept; the listening socket then refuses who comes later.
  ::shutdown(acceptor_->native_handle(), SHUT_RDWR);
  accepting_.join();
  acceptor_.reset();
  std::list<std::unique_ptr<Connection>> open;
  {
    const std::lock_guard lock(mutex_);
    open.swap(open_);
    for (auto& connection : open) ::shutdown(connection->socket.native_handle(), SHUT_RDWR);
  }
  for (auto& connection : open) connection->thread.join();
}

void RpcServer::come_back() {
  if (!accepting_.joinable()) listen(port_);
}

void RpcServer::serve(Connection& connection) {
  try {
    connection.socket.set_option(tcp::no_delay(true));
    if (tls_ == nullptr) {
      converse(connection.socket, connection);
    } else {
      const RpcFault fault = fault_;
      if (fault == RpcFault::no_tls) {
        asio::write(connection.socket, asio::buffer(std::string("HTTP/1.1 400 Bad Request\r\n")));
      }
      asio::ssl::stream<tcp::socket&> stream(
          connection.socket, fault == RpcFault::other_certificate ? *other_tls_ : *tls_);
      stream.handshake(asio::ssl::stream_base::server);
      converse(stream, connection);
    }
  } catch (const boost::system::system_error&) {
    // The client went away, or this server dies: both are what tests do.
  }
  ::shutdown(connection.socket.native_handle(), SHUT_RDWR);
}

template <class Stream>
void RpcServer::converse(Stream& stream, Connection& connection) {
  boost::beast::flat_buffer buffer;
  while (!closing_) {
    http::request<http::string_body> request;
    http::read(stream, buffer, request);
    ++requests_;
    const RpcFault fault = fault_;
    if (delay_ms_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms_));
    if (fault == RpcFault::close) return;
    if (fault == RpcFault::hang) {
      // Until the client gives up.
      pollfd waiting{connection.socket.native_handle(), POLLRDHUP, 0};
      ::poll(&waiting, 1, -1);
      return;
    }
    http::response<http::string_body> response;
    response.version(11);
    response.set(http::field::content_type, "application/json");
    switch (fault) {
      case RpcFault::limited:
      case RpcFault::limited_for_1_s:
        response.result(429);
        if (fault == RpcFault::limited_for_1_s) response.set(http::field::retry_after, "1");
        response.body() = "slow down";
        break;
      case RpcFault::unavailable:
        response.result(503);
        break;
      case RpcFault::key_refused:
        response.result(401);
        break;
      case RpcFault::refused_on_its_way_502:
        response.result(502);
        response.body() = answer_to(request.body(), fault);
        break;
      default:
        response.body() = answer_to(request.body(), fault);
    }
    response.prepare_payload();
    if (fault == RpcFault::huge) {
      asio::write(stream, asio::buffer(std::string("HTTP/1.1 200 OK\r\n\r\n[")));
      const std::string spaces(1U << 20U, ' ');
      while (!closing_) asio::write(stream, asio::buffer(spaces));
      return;
    }
    if (fault == RpcFault::reset) {
      const std::string whole = response.body();
      asio::write(stream, asio::buffer(
                              "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(whole.size()) +
                              "\r\n\r\n" + whole.substr(0, whole.size() / 2)));
      const linger at_once{1, 0};
      ::setsockopt(connection.socket.native_handle(), SOL_SOCKET, SO_LINGER, &at_once,
                   sizeof(at_once));
      const std::lock_guard lock(mutex_);  // die() looks at the socket too
      connection.socket.close();
      return;
    }
    http::write(stream, response);
  }
}

std::string RpcServer::answer_to(const std::string& body, RpcFault fault) {
  if (fault == RpcFault::garbage) return "\x01\x02{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":";
  if (fault == RpcFault::html) return "<html><body>502 Bad Gateway</body></html>";
  json::value asked = json::parse(body);
  const bool batch = asked.is_array();
  if (!batch) asked = json::array{std::move(asked)};
  if (fault == RpcFault::not_understood) return refusal_of_all(-32600, "invalid request");
  if (fault == RpcFault::other_block) {
    for (json::value& call : asked.get_array()) {
      if (call.at("method") != "eth_getBlockByNumber") continue;
      json::value& number = call.get_object()["params"].get_array().at(0);
      if (number == "latest") continue;
      const auto before = std::stoull(std::string(number.as_string()), nullptr, 16) - 1;
      std::array<char, 19> text{};
      std::snprintf(text.data(), text.size(), "0x%llx", before);
      number = json::string(text.data());
    }
  }
  const bool old = fault == RpcFault::old_block || fault == RpcFault::old_block_no_logs;
  const RpcNode::Manner manner{old ? blocks_behind : 0,
                               !numbers_only_ && fault != RpcFault::no_blocks_by_hash,
                               fault == RpcFault::old_block_no_logs};
  RpcNode& node = fault == RpcFault::other_chain ? other_chain_ : node_;
  json::array replies = node.answer(asked.get_array(), manner);
  if (fault == RpcFault::refused_on_its_way || fault == RpcFault::refused_on_its_way_502) {
    return refusal_of_all(-32603, "upstream timeout of the gateway");
  }
  if (replies.empty()) return "";  // nothing to spoil
  json::object& last = replies.back().get_object();
  for (json::value& reply : replies) {
    for (const json::value& call : asked.get_array()) {
      if (call.at("id") != reply.at("id")) continue;
      spoil(reply.get_object(), call.get_object(), fault);
    }
  }
  switch (fault) {
    case RpcFault::wrong_ids:
      for (json::value& reply : replies) reply.get_object()["id"] = 4711;
      break;
    case RpcFault::twice:
      if (replies.size() > 1) replies.back() = replies.front();
      break;
    case RpcFault::missing:
      replies.pop_back();
      break;
    case RpcFault::limited_in_json:
      put_error(last, -32005, "daily request count exceeded, request rate limited");
      break;
    case RpcFault::node_fails:
      put_error(last, -32603, "internal error");
      break;
    default:
      break;
  }
  if (!batch && replies.empty()) return "";  // that one is missing
  if (!batch) return json::serialize(replies.front());
  // A server may answer a batch in any order.
  json::array turned(replies.rbegin(), replies.rend());
  return json::serialize(turned);
}

void write_self_signed_certificate(const std::string& path, const SelfSigned& wanted) {
  const auto check = [](bool good) {
    if (!good) throw std::runtime_error("OpenSSL made no certificate");
  };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  check(key != nullptr && certificate != nullptr);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wanted.valid_for_s);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("gantry test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, wanted.name);
  check(names != nullptr);
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  check(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                             &std::fclose);
  check(file != nullptr);
  check(PEM_write_X509(file.get(), certificate.get()) == 1);
  check(PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

}  // namespace gantry::test
