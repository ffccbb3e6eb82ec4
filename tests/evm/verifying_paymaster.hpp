// A paymaster service of the tests' own, which can fail: eth-infinitism's VerifyingPaymaster for
// EntryPoint 0.6 or 0.7 with a deposit, and a server that speaks ERC-7677 and signs with its key.
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
  VerifyingPaymaster(EntryPointChain& chain, EntryPointVersion version);

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
  // As each version has it: the contract and its data, in one field or in two.
  boost::json::object fields_of(const std::string& data) const;
  // The operation as the contract's getHash() wants it, encoded.
  std::string operation_for_hash(const boost::json::object& operation) const;
  std::string ask(const std::string& method, boost::json::array params) const;
  void withdraw() const;

  Deployer& chain_;
  EntryPointVersion version_;
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
