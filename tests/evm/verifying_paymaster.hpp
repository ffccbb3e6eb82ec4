// A paymaster service of the tests' own, which can fail: eth-infinitism's VerifyingPaymaster for
// EntryPoint 0.7 with a deposit, and a server that speaks ERC-7677 and signs with its key.
//
// THREADS  fail() and asked() any; the server answers on threads of its own.
// ERRORS   Throws std::runtime_error.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "evm/alto_node.hpp"
#include "host/sign/signer.hpp"
#include "support/http_server.hpp"

namespace gantry::test {

enum class ServiceFault {
  none,
  refuses,    // the stub: a policy says no
  times_out,  // says nothing when it is asked for its signature
  expired,    // signs for a time that is over
  forged,     // signs with another's key
  dry,        // signs, and has withdrawn its deposit meanwhile
};
inline constexpr ServiceFault service_faults[] = {ServiceFault::refuses, ServiceFault::times_out,
                                                  ServiceFault::expired, ServiceFault::forged,
                                                  ServiceFault::dry};
const char* name_of(ServiceFault fault);

class VerifyingPaymaster {
 public:
  explicit VerifyingPaymaster(EntryPointChain& chain);

  std::string url() const { return server_->url(); }
  const std::string& contract() const { return contract_; }
  void fail(ServiceFault fault) { fault_ = fault; }
  std::size_t asked() const { return asked_; }
  // Of its contract at the EntryPoint, in wei.
  Integer deposit() const;
  void refill();

 private:
  HttpReply answer(const HttpCall& call);
  HttpReply stub() const;
  HttpReply signed_data(const boost::json::object& operation);
  std::string ask(const std::string& method, boost::json::array params) const;
  void withdraw() const;

  Deployer& chain_;
  std::string node_;
  std::string entry_point_;
  std::string contract_;
  std::unique_ptr<host::sign::Signer> signer_;
  std::unique_ptr<host::sign::Signer> stranger_;
  std::string get_hash_;  // selectors
  std::string get_deposit_;
  std::string withdraw_to_;
  std::atomic<ServiceFault> fault_ = ServiceFault::none;
  std::atomic<std::size_t> asked_ = 0;
  std::mutex signing_;  // guards the signers
  std::unique_ptr<HttpServer> server_;
};

}  // namespace gantry::test
