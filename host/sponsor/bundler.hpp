// A bundler of ERC-4337: estimates, takes and reports user operations. What its errors mean for who
// pays is decided here, by ERC-7769's codes and the EntryPoint's AAxx texts.
//
// THREADS    [any thread], several at once. Each call waits for its answer.
// OWNERSHIP  The pool outlives it.
// SOURCE     ERC-4337 and ERC-7769 (eth_sendUserOperation and its error codes).
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "host/sign/user_operation.hpp"
#include "host/sponsor/exchange.hpp"

namespace gantry::host {

enum class BundlerFault : std::int32_t {
  no_answer = 1,    // it may have been taken
  unavailable = 2,  // it was surely not taken: no connection, an HTTP error, a method it lacks
  garbage = 3,      // an answer that is none; it may have been taken
  busy = 4,         // told to slow down
  paymaster = 5,    // the one who pays is refused: another may do
  operation = 6,    // the operation itself: nobody would take it
  entry_point = 7,  // it serves another EntryPoint
  known = 8,        // it has this operation already
};
std::string_view to_string(BundlerFault fault);

struct BundlerFailure {
  BundlerFault fault = BundlerFault::no_answer;
  std::int64_t code = 0;  // of JSON-RPC or HTTP
  std::string message;    // one line, printable; begins with the bundler's name

  bool maybe_taken() const {
    return fault == BundlerFault::no_answer || fault == BundlerFault::garbage;
  }
};
template <class T>
using BundlerResult = std::expected<T, BundlerFailure>;

// ERC-7769's codes; `names_paymaster`: the error's data do.
BundlerFault fault_of_code(std::int64_t code, std::string_view message, bool names_paymaster);

// Of each limit; 0 where the bundler says none.
struct OperationGas {
  u256 call;
  u256 verification;
  u256 pre_verification;
  u256 paymaster_verification;
  u256 paymaster_post_op;
};

class Bundler {
 public:
  Bundler(HttpPool& http, std::string name, HttpEndpoint endpoint, sign::EntryPoint entry_point)
      : http_(http),
        name_(std::move(name)),
        endpoint_(std::move(endpoint)),
        entry_point_(entry_point) {}

  const sign::EntryPoint& entry_point() const { return entry_point_; }

  // eth_estimateUserOperationGas of an operation with a stub signature.
  BundlerResult<OperationGas> estimate(const sign::UserOperation& operation,
                                       Deadline deadline) const;
  // eth_sendUserOperation. Another hash in its answer than `hash` is garbage.
  BundlerResult<void> send(const sign::UserOperation& operation, const Hash32& hash,
                           Deadline deadline) const;

 private:
  BundlerResult<boost::json::value> call(const char* method, boost::json::array parameters,
                                         Deadline deadline, bool fresh) const;
  BundlerFailure failure(BundlerFault fault, std::int64_t code, std::string_view message) const;

  HttpPool& http_;
  std::string name_;
  HttpEndpoint endpoint_;
  sign::EntryPoint entry_point_;
};

}  // namespace gantry::host
